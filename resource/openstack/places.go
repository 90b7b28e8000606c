package openstack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/catalog"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/request"
)

// A place is where a server wants to be: a port of its own resource, or one that is
// made for the server alone.
type place struct {
	port     neutron.Port
	own      bool // the port is a resource
	subnet   neutron.ID
	fixed    string // the address that is asked for
	floating string // the floating address that is to lead to it
}

// wantsNetwork tells whether an item of networks is about networks that can be known.
func wantsNetwork(item request.Values) bool {
	return ref(item, "port", "subnet", "network", "uuid") != ""
}

// places resolves the networks of a server. There are none where the driver has no
// networks, or where the template means the driver's own: no network is named, or the
// external one, or only names that nobody knows.
func (c *cloud) places(req *stoker.Request) ([]place, error) {
	if c.networks == nil {
		return nil, nil
	}
	var out []place
	var unknown error
	for i, item := range request.Values(req.Properties).Maps("networks") {
		if !wantsNetwork(item) {
			continue
		}
		p, err := c.place(req, item, i)
		switch {
		case errors.Is(err, errOwnNetwork):
		case err != nil && ref(item, "port", "subnet") == "" && stoker.IsKind(err, stoker.NotFound):
			unknown = err
		case err != nil:
			return nil, in(itemPath(i, item), err)
		default:
			out = append(out, p)
		}
	}
	if unknown != nil && len(out) > 0 {
		return nil, in("networks", unknown) // a server is on the driver's network or on others
	}
	return out, nil
}

func itemPath(i int, item request.Values) string {
	for _, name := range []string{"port", "subnet", "network"} {
		if item.Has(name) {
			return fmt.Sprintf("networks.%d.%s", i, name)
		}
	}
	return fmt.Sprintf("networks.%d", i)
}

// errOwnNetwork says that an item means the driver's own network.
var errOwnNetwork = errors.New("the driver's own network is meant")

func (c *cloud) place(req *stoker.Request, item request.Values, i int) (place, error) {
	out := place{fixed: item.String("fixed_ip"), floating: item.String("floating_ip")}
	project := req.Stack.Project
	if name := item.String("port"); name != "" {
		p, err := c.Port(project, name)
		if err == nil && !p.IP.IsValid() {
			err = stoker.Errorf(stoker.Invalid, "port %s has no address: its network %s has no subnet", p.ID, p.Net)
		}
		out.port, out.own = p, true
		return out, err
	}
	n, err := c.netOf(project, item, &out)
	if err != nil {
		return out, err
	}
	if n.External {
		return out, errOwnNetwork
	}
	out.port, err = c.implicit(req, n, item, i)
	return out, err
}

// netOf is the network of an item: the one that is named, or that of the subnet.
func (c *cloud) netOf(project stoker.ProjectID, item request.Values, out *place) (neutron.Net, error) {
	name := ref(item, "network", "uuid")
	if of := item.String("subnet"); of != "" {
		s, err := c.Subnet(project, of)
		if err != nil {
			return neutron.Net{}, err
		}
		out.subnet = s.ID
		if name == "" {
			name = string(s.Net)
		}
	}
	n, err := c.Net(project, name)
	if err != nil && !stoker.IsKind(err, stoker.NotFound) {
		return n, err
	}
	if err == nil && out.subnet != "" {
		if s, ok := c.SubnetByID(out.subnet); ok && s.Net != n.ID {
			return n, stoker.Errorf(stoker.Invalid, "subnet %s is not of network %s", s.ID, n.ID)
		}
	}
	return n, err
}

// implicit is the port that is made for a server, without its address.
func (c *cloud) implicit(req *stoker.Request, n neutron.Net, item request.Values, i int) (neutron.Port, error) {
	id := catalog.Derived("port", string(req.ID), fmt.Sprint(i))
	extra := item.Map("port_extra_properties")
	p := neutron.Port{
		Object: neutron.Object{ID: id, Project: req.Stack.Project}, Net: n.ID,
		MAC: extra.String("mac_address"), Owner: "compute:nova", Alone: true, Open: n.Open,
	}
	if p.MAC == "" {
		p.MAC = neutron.MAC(id)
	}
	if extra.Has("port_security_enabled") {
		p.Open = !extra.Bool("port_security_enabled")
	}
	if p.Open {
		return p, nil
	}
	names := request.Values(req.Properties).Strings("security_groups")
	if len(names) == 0 {
		names = []string{"default"}
	}
	var err error
	for _, name := range names {
		g, failed := c.Group(req.Stack.Project, name)
		p.Groups = append(p.Groups, g.ID)
		err = errors.Join(err, in("security_groups", failed))
	}
	return p, err
}

// seat gives a server its places: the ports that are made for it get their addresses,
// and all of them know their server.
func (s server) seat(ctx context.Context, req *stoker.Request) ([]neutron.Port, error) {
	places, err := s.places(req)
	if err != nil {
		return nil, err
	}
	var out []neutron.Port
	for i, p := range places {
		if !p.own {
			if p.port, err = s.dealt(ctx, req, p); err != nil {
				return nil, in(fmt.Sprintf("networks.%d", i), err)
			}
		}
		if err := s.bind(ctx, req, p.port); err != nil {
			return nil, in(fmt.Sprintf("networks.%d.port", i), err)
		}
		if err := s.float(req, p, i); err != nil {
			return nil, in(fmt.Sprintf("networks.%d.floating_ip", i), err)
		}
		out = append(out, p.port)
	}
	return out, nil
}

// dealt makes the port of a place. A server that the driver has made already, before
// its record could be written, keeps its address.
func (s server) dealt(ctx context.Context, req *stoker.Request, p place) (neutron.Port, error) {
	if err := s.adopt(ctx); err != nil {
		return p.port, err
	}
	want, err := address(request.Values{"fixed_ip": p.fixed}, "fixed_ip")
	if err != nil {
		return p.port, err
	}
	p.port.Subnet = p.subnet
	if p.port, err = s.Place(p.port, want); err != nil {
		return p.port, err
	}
	return p.port, s.PutPort(p.port)
}

// bind gives a port to a server. A port that another server of the same resource has
// moves to its replacement: two servers cannot have one address, so the old one ends.
func (s server) bind(ctx context.Context, req *stoker.Request, p neutron.Port) error {
	h := neutron.Holder{Server: token(req), Stack: req.Stack.ID, Resource: req.Name}
	old := s.Holder(p.ID)
	switch {
	case old.Server == "" || old.Server == h.Server:
	case old.Stack != h.Stack || old.Resource != h.Resource:
		return stoker.Errorf(stoker.Conflict, "port %s is in use by another server, %s", p.ID, old.Server)
	default:
		if err := s.Driver.Destroy(ctx, old.Server, s.Grace); err != nil {
			return fmt.Errorf("take port %s from server %s: %w", p.ID, old.Server, err)
		}
	}
	s.Bind(p.ID, h)
	return nil
}

// float gives a floating address to a place.
func (s server) float(req *stoker.Request, p place, i int) error {
	if p.floating == "" {
		return nil
	}
	f, err := s.Floating(req.Stack.Project, p.floating)
	if err != nil {
		return err
	}
	s.Grant(f.ID, neutron.Grant{ID: grantID(req, i), Port: p.port.ID})
	return nil
}

func grantID(req *stoker.Request, i int) neutron.ID {
	return catalog.Derived("floating address", string(req.ID), fmt.Sprint(i))
}

// serverPorts are the places for the driver.
func (c *cloud) serverPorts(ports []neutron.Port) []stoker.ServerPort {
	var out []stoker.ServerPort
	for _, p := range ports {
		out = append(out, stoker.ServerPort{
			Network: stoker.NetworkToken(p.Subnet), Name: c.NameOf(p.Net), IP: p.IP, MAC: p.MAC, Filter: c.Filter(p.ID),
		})
	}
	return out
}

// withPorts adds the ports to what is kept of a server.
func withPorts(data map[string]any, ports []any) map[string]any {
	if len(ports) > 0 {
		data["ports"] = ports
	}
	return data
}

func portsData(ports []neutron.Port) []any {
	var out []any
	for _, p := range ports {
		out = append(out, portData(p))
	}
	return out
}

// Resume puts a server's ports back, and makes its belongings known.
func (s server) Resume(_ context.Context, req *stoker.Request) error {
	s.own.keep(req)
	if s.networks == nil {
		return nil
	}
	h := neutron.Holder{Server: token(req), Stack: req.Stack.ID, Resource: req.Name}
	for i, data := range request.Values(req.Data).Maps("ports") {
		p := portOf(req.Stack.Project, data)
		s.Bind(p.ID, h)
		if p.Alone {
			if err := s.PutPort(p); err != nil {
				return err
			}
		}
		if name := floatingOf(req, i); name != "" {
			id := neutron.ID(name)
			if f, err := s.Floating(req.Stack.Project, name); err == nil {
				id = f.ID
			}
			s.Grant(id, neutron.Grant{ID: grantID(req, i), Port: p.ID})
		}
	}
	return nil
}

// floatingOf is the floating address of the i-th item that names a network.
func floatingOf(req *stoker.Request, i int) string {
	items := slices.DeleteFunc(request.Values(req.Properties).Maps("networks"), func(v request.Values) bool { return !wantsNetwork(v) })
	if i >= len(items) {
		return ""
	}
	return items[i].String("floating_ip")
}

// release forgets the ports of a server that is gone.
func (s server) release(ctx context.Context, req *stoker.Request) error {
	if s.networks == nil {
		return nil
	}
	for i := range request.Values(req.Properties).Maps("networks") {
		s.Revoke(grantID(req, i))
		s.Give(catalog.Derived("port", string(req.ID), fmt.Sprint(i))) // also one that was never bound
	}
	s.Unbind(token(req))
	return s.settle(ctx, nothing)
}

// moved tells whether a server is where its networks say, so that it can stay.
func (s server) moved(req *stoker.Request) (bool, error) {
	if s.networks == nil {
		return false, nil
	}
	places, err := s.places(req)
	if err != nil {
		return false, err
	}
	have := request.Values(req.Data).Maps("ports")
	if len(places) != len(have) {
		return true, nil
	}
	for i, p := range places {
		h := portOf(req.Stack.Project, have[i])
		same := p.port.ID == h.ID
		if !p.own {
			same = h.Alone && h.Net == p.port.Net && (p.subnet == "" || p.subnet == h.Subnet) && (p.fixed == "" || p.fixed == text(h.IP))
		}
		if !same {
			return true, nil
		}
	}
	return false, nil
}

// adopt reserves, once, the addresses of servers that the driver has and no record
// tells of (yet): they were being made when Stoker was stopped.
func (s server) adopt(ctx context.Context) error {
	return s.adopted.do(ctx, func() error {
		servers, err := s.Driver.List(ctx)
		if err != nil {
			return fmt.Errorf("list servers: %w", err)
		}
		for _, made := range servers {
			for i, a := range made.Addresses {
				s.Reserve(made.Project, strings.TrimSpace(a.IP), catalog.Derived("port", string(made.Token), fmt.Sprint(i)))
			}
		}
		return nil
	})
}
