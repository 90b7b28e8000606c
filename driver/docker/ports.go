package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// labelPorts holds the ports of a server's container as JSON, without their filters:
// those can change, labels cannot.
const labelPorts = "stoker.ports"

// ports are those that the container was made with.
func (b box) ports() (ports []stoker.ServerPort) {
	_ = json.Unmarshal([]byte(b.labels[labelPorts]), &ports)
	return ports
}

// portAddresses are those of the ports, in their order, and then of networks that
// somebody else has connected.
func portAddresses(b box, ports []stoker.ServerPort) (out []stoker.Address) {
	ours := map[netip.Addr]bool{}
	for _, p := range ports {
		ours[p.IP] = true
		out = append(out, stoker.Address{Network: p.Name, IP: p.IP.String(), MAC: p.MAC})
	}
	for _, name := range slices.Sorted(maps.Keys(b.networks)) {
		if e := b.networks[name]; e != nil && e.IPAddress.IsValid() && !ours[e.IPAddress] {
			out = append(out, stoker.Address{Network: name, IP: e.IPAddress.String(), MAC: e.MacAddress.String()})
		}
	}
	return out
}

// checkPorts says what is wrong with ports by themselves; empty: nothing.
func checkPorts(ports []stoker.ServerPort) string {
	seen := map[stoker.NetworkToken]bool{}
	for i, p := range ports {
		where := fmt.Sprintf("port %d", i+1)
		switch mac, err := net.ParseMAC(p.MAC); {
		case p.Network == "":
			return where + " names no network"
		case seen[p.Network]:
			return fmt.Sprintf("%s is in network %q too: Docker takes one port of a server in a network", where, p.Network)
		case !p.IP.Is4():
			return fmt.Sprintf("the address %q of %s is none of IPv4, which is all that this driver has", p.IP, where)
		case p.MAC != "" && (err != nil || len(mac) != 6 || mac[0]&1 != 0):
			return fmt.Sprintf("the MAC address %q of %s is not one like 02:00:0a:01:00:05", p.MAC, where)
		}
		if problem := checkFilter(p.Filter); problem != "" {
			return where + ": " + problem
		}
		seen[p.Network] = true
	}
	return ""
}

// completePorts chooses the MAC addresses that are left to the driver: always the same
// ones for an address, so that caches of neighbours are right also after a replacement.
func completePorts(ports []stoker.ServerPort) []stoker.ServerPort {
	ports = slices.Clone(ports)
	for i, p := range ports {
		if p.MAC == "" {
			b := p.IP.As4()
			ports[i].MAC = net.HardwareAddr{0x02, 0x42, b[0], b[1], b[2], b[3]}.String()
		}
	}
	return ports
}

// home is where a container begins.
type home struct {
	network  string // Docker's name for it
	endpoint *network.EndpointSettings
	labels   map[string]string
}

// homeOf finds or chooses where the server is to be.
func (d *Driver) homeOf(ctx context.Context, c *conn, spec stoker.ServerSpec) (home, error) {
	if len(spec.Ports) > 0 {
		return d.firstPort(ctx, c, spec.Ports)
	}
	sub, err := d.joinable(ctx, c)
	if err != nil {
		return home{}, err
	}
	ip, err := d.address(sub, spec.Token)
	if err != nil {
		return home{}, err
	}
	return home{
		network:  sub.network,
		endpoint: &network.EndpointSettings{IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: ip}},
		labels:   map[string]string{labelAddress: ip.String()},
	}, nil
}

// dropped are the rights that a server does not have of Docker's default ones: packets
// made by hand would pass its filters, which may come later too.
func dropped(ports []stoker.ServerPort) []string {
	if len(ports) == 0 {
		return nil
	}
	return []string{"NET_RAW"}
}

// firstPort looks at all ports and gives the first: daemons of old take no more when a
// container is made.
func (d *Driver) firstPort(ctx context.Context, c *conn, ports []stoker.ServerPort) (home, error) {
	names := make([]string, len(ports))
	bare := slices.Clone(ports)
	for i, p := range ports {
		s, err := d.segmentFor(ctx, c, p)
		if err != nil {
			return home{}, err
		}
		names[i] = s.network
		bare[i].Filter = nil
	}
	data, err := json.Marshal(bare)
	if err != nil {
		return home{}, err
	}
	return home{network: names[0], endpoint: endpoint(ports, 0), labels: map[string]string{labelPorts: string(data)}}, nil
}

// segmentFor finds the network of a port, and says Invalid where it does not suit.
func (d *Driver) segmentFor(ctx context.Context, c *conn, p stoker.ServerPort) (segment, error) {
	s, err := d.segment(ctx, c, p.Network)
	switch {
	case err != nil:
		return segment{}, refused(err)
	case !usable(s.prefix, p.IP) || p.IP == s.gateway:
		return segment{}, stoker.Errorf(stoker.Invalid, "%s is no address for a server in network %q, which is %s with gateway %s", p.IP, p.Network, s.prefix, s.gateway)
	}
	return s, nil
}

func endpoint(ports []stoker.ServerPort, i int) *network.EndpointSettings {
	mac, _ := net.ParseMAC(ports[i].MAC) // checked; unknown to Docker before version 25
	return &network.EndpointSettings{
		IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: ports[i].IP},
		MacAddress: network.HardwareAddr(mac),
		GwPriority: len(ports) - i, // the first is the way out; since version 28
	}
}

// join gives a container that is not yet started its further ports.
func (d *Driver) join(ctx context.Context, c *conn, id string, ports []stoker.ServerPort) error {
	ports = completePorts(ports)
	for i := 1; i < len(ports); i++ {
		s, err := d.segmentFor(ctx, c, ports[i])
		if err != nil {
			return err
		}
		_, err = c.NetworkConnect(ctx, s.id, client.NetworkConnectOptions{Container: id, EndpointConfig: endpoint(ports, i)})
		if err != nil {
			return refused(explain(ctx, fmt.Sprintf("join network %q", ports[i].Network), err))
		}
	}
	return nil
}

const portsSuffix = ".json"

func (d *Driver) portsDir() string { return filepath.Join(d.cfg.Dir, "ports") }

func (d *Driver) portsFile(token stoker.ServerToken) string {
	return filepath.Join(d.portsDir(), escape(string(token))+portsSuffix)
}

// writePorts records the ports of a server with their filters; without ports there
// is no file.
func (d *Driver) writePorts(token stoker.ServerToken, ports []stoker.ServerPort) error {
	if len(ports) == 0 {
		return nil
	}
	data, err := json.MarshalIndent(completePorts(ports), "", "  ")
	if err == nil {
		err = replaceFile(d.portsFile(token), append(data, '\n'), 0o600)
	}
	if err != nil {
		return cannotUse(d.portsDir(), err)
	}
	return nil
}

// readPorts gives what writePorts has written.
func (d *Driver) readPorts(token stoker.ServerToken) (ports []stoker.ServerPort, err error) {
	data, err := os.ReadFile(d.portsFile(token))
	if err == nil {
		err = json.Unmarshal(data, &ports)
	}
	if err != nil {
		return nil, cannotUse(d.portsDir(), err)
	}
	return ports, nil
}

func (d *Driver) forgetPorts(token stoker.ServerToken) error {
	err := os.Remove(d.portsFile(token))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cannotUse(d.portsDir(), err)
	}
	return nil
}

// portNotes tell what of the ports is not as wanted here.
func (d *Driver) portNotes(b box) []string {
	if b.labels[labelPorts] == "" || d.able() {
		return nil
	}
	notes := []string{}
	ports, _ := d.readPorts(b.token())
	for _, p := range ports {
		if p.Filter != nil {
			notes = append(notes, "the filter of its port "+p.IP.String()+" is not applied: Stoker may not change networks of containers, which needs root")
		}
	}
	return notes
}

// inUse says that another has the address of a port.
func inUse(ports []stoker.ServerPort, err error) error {
	return &stoker.Error{Kind: stoker.Conflict, Message: "start its container with " + strconv.Itoa(len(ports)) + " ports", Err: err,
		Hint: "Another container has one of their addresses."}
}
