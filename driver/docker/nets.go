package docker

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// labelNetwork holds the token of a network that is not the installation's own.
const labelNetwork = "stoker.network"

// segment is a network of a stack: a bridge of Docker's.
type segment struct {
	subnet
	token stoker.NetworkToken
	id    string
}

// bridge is the name of the machine's interface in the network, as Docker makes it.
func (s segment) bridge() string { return "br-" + s.id[:min(len(s.id), 12)] }

// CreateNetwork implements stoker.Networker: a bridge of Docker's with that subnet.
// While the daemon does not answer, it waits.
func (d *Driver) CreateNetwork(ctx context.Context, spec stoker.NetworkSpec) error {
	doing := fmt.Sprintf("create network %q", spec.Name)
	if err := checkNetwork(spec); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	err := d.persist(ctx, func(c *conn) error { return d.createNetwork(ctx, c, spec) })
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func checkNetwork(spec stoker.NetworkSpec) error {
	problem := ""
	switch p := spec.Prefix; {
	case spec.Token == "":
		problem = "it has no token"
	case len(escape(string(spec.Token))) > 200:
		problem = "its token is longer than 200 characters"
	case !p.IsValid() || !p.Addr().Is4():
		problem = fmt.Sprintf("its subnet %s is none of IPv4, which is all that this driver has", p)
	case p != p.Masked() || p.Bits() < 8 || p.Bits() > 30:
		problem = fmt.Sprintf("its subnet %s is not one like 10.1.0.0/24, from /8 to /30", p)
	case !usable(p, spec.Gateway):
		problem = fmt.Sprintf("its gateway %s is not an address of a host in %s", spec.Gateway, p)
	}
	if problem != "" {
		return stoker.Errorf(stoker.Invalid, "%s", problem)
	}
	return nil
}

// usable tells whether a host can have the address in a subnet of IPv4.
func usable(p netip.Prefix, ip netip.Addr) bool {
	last := nth(p, uint32(1)<<(32-p.Bits())-1)
	return ip.Is4() && p.Contains(ip) && ip != p.Addr() && ip != last
}

// createNetwork makes the network where it is not there. What an earlier try has
// left undone is done in any case.
func (d *Driver) createNetwork(ctx context.Context, c *conn, spec stoker.NetworkSpec) error {
	select {
	case d.lan.turn <- struct{}{}: // daemons of old make two networks of one name
		defer func() { <-d.lan.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	seen, err := d.segment(ctx, c, spec.Token)
	switch {
	case stoker.IsKind(err, stoker.NotFound):
		if err := d.makeSegment(ctx, c, spec); err != nil {
			return err
		}
	case err != nil:
		return err
	case seen.prefix != spec.Prefix || seen.gateway != spec.Gateway:
		return stoker.Errorf(stoker.Conflict, "there is one of that token with subnet %s and gateway %s", seen.prefix, seen.gateway)
	}
	d.crash("network made")
	return d.enforce(ctx, c)
}

func (d *Driver) makeSegment(ctx context.Context, c *conn, spec stoker.NetworkSpec) error {
	doing := fmt.Sprintf("make a network of Docker with subnet %s", spec.Prefix)
	if overlaps(spec.Prefix, hostSubnets()) {
		return &stoker.Error{Kind: stoker.Conflict, Message: doing + ": this machine is in a network that overlaps it", Hint: hintSubnet}
	}
	_, err := c.NetworkCreate(ctx, d.segmentName(spec.Token), client.NetworkCreateOptions{
		Driver:  "bridge",
		IPAM:    &network.IPAM{Driver: "default", Config: []network.IPAMConfig{{Subnet: spec.Prefix, Gateway: spec.Gateway}}},
		Options: d.bridgeOptions(c),
		Labels: map[string]string{
			labelInstallation: d.installation,
			labelNetwork:      string(spec.Token),
			labelName:         spec.Name,
			labelProject:      string(spec.Project),
		},
	})
	switch {
	case errdefs.IsConflict(err):
		return &stoker.Error{Kind: stoker.Conflict, Message: doing, Err: err,
			Hint: "A network that is not of this installation has the name: remove it."}
	case err != nil && strings.Contains(err.Error(), "overlaps"):
		return &stoker.Error{Kind: stoker.Conflict, Message: doing, Err: err, Hint: hintSubnet}
	}
	return explain(ctx, doing, err)
}

const hintSubnet = "Choose another subnet, or remove what has this one."

// bridgeOptions leave to Stoker what it can do itself: Docker would hide the senders
// between networks that reach each other, and since its version 28 keep them apart.
func (d *Driver) bridgeOptions(c *conn) map[string]string {
	options := map[string]string{}
	if d.able() {
		options["com.docker.network.bridge.enable_ip_masquerade"] = "false"
		if since(c, 1, 48) {
			options["com.docker.network.bridge.gateway_mode_ipv4"] = "nat-unprotected"
		}
	}
	return options
}

// since tells whether the daemon speaks that version of the API.
func since(c *conn, major, minor int) bool {
	var a, b int
	if _, err := fmt.Sscanf(c.ClientVersion(), "%d.%d", &a, &b); err != nil {
		return false
	}
	return a > major || a == major && b >= minor
}

// DestroyNetwork implements stoker.Networker. While the daemon does not answer, it waits.
func (d *Driver) DestroyNetwork(ctx context.Context, token stoker.NetworkToken) error {
	err := d.persist(ctx, func(c *conn) error { return d.destroyNetwork(ctx, c, token) })
	if err != nil {
		return fmt.Errorf("destroy network %q: %w", token, err)
	}
	return nil
}

func (d *Driver) destroyNetwork(ctx context.Context, c *conn, token stoker.NetworkToken) error {
	seen, err := d.segment(ctx, c, token)
	if err != nil && !stoker.IsKind(err, stoker.NotFound) {
		return err
	}
	if err == nil {
		if err := d.removeSegment(ctx, c, seen); err != nil {
			return err
		}
	}
	d.crash("network removed")
	if err := d.forgetReach(token); err != nil {
		return err
	}
	return d.enforce(ctx, c)
}

func (d *Driver) removeSegment(ctx context.Context, c *conn, s segment) error {
	members, err := d.members(ctx, c, s.token)
	if err != nil {
		return err
	}
	if len(members) > 0 { // Docker minds only those that run
		return &stoker.Error{Kind: stoker.Conflict, Message: fmt.Sprintf("%d servers are in it", len(members)), Hint: "Destroy them first."}
	}
	_, err = c.NetworkRemove(ctx, s.id, client.NetworkRemoveOptions{})
	if err != nil && strings.Contains(err.Error(), "active endpoints") {
		return &stoker.Error{Kind: stoker.Conflict, Message: "remove the network of Docker", Err: err, Hint: "Containers that are not Stoker's use it."}
	}
	if errdefs.IsNotFound(err) {
		return nil
	}
	return explain(ctx, "remove the network of Docker", err)
}

// members are the containers of servers with a port in a network.
func (d *Driver) members(ctx context.Context, c *conn, token stoker.NetworkToken) (in []box, err error) {
	found, err := d.containers(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		for _, p := range f.ports() {
			if p.Network == token {
				in = append(in, f)
				break
			}
		}
	}
	return in, nil
}

func (d *Driver) segmentName(token stoker.NetworkToken) string {
	return "stoker-" + d.installation + "-" + escape(string(token))
}

// segment finds a network by its token.
func (d *Driver) segment(ctx context.Context, c *conn, token stoker.NetworkToken) (segment, error) {
	found, err := d.listSegments(ctx, c, d.ours().Add("label", labelNetwork+"="+string(token)))
	if err != nil {
		return segment{}, err
	}
	if len(found) == 0 {
		return segment{}, stoker.Errorf(stoker.NotFound, "there is no network %q", token)
	}
	return found[0], nil
}

// segments gives all networks of stacks.
func (d *Driver) segments(ctx context.Context, c *conn) ([]segment, error) {
	return d.listSegments(ctx, c, d.ours().Add("label", labelNetwork))
}

func (d *Driver) listSegments(ctx context.Context, c *conn, f client.Filters) ([]segment, error) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, err := c.NetworkList(call, client.NetworkListOptions{Filters: f})
	if err != nil {
		return nil, explain(ctx, "list networks", err)
	}
	var out []segment
	for _, n := range found.Items {
		s := segment{token: stoker.NetworkToken(n.Labels[labelNetwork]), id: n.ID}
		for _, ipam := range n.IPAM.Config {
			s.subnet = subnet{network: n.Name, prefix: ipam.Subnet, gateway: ipam.Gateway}
		}
		out = append(out, s)
	}
	return out, nil
}
