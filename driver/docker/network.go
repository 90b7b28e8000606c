package docker

import (
	"context"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// lan is the network that servers join.
type lan struct {
	turn  chan struct{}          // held by whoever looks for it
	known atomic.Pointer[subnet] // what was seen of it; nil: nothing
}

// subnet is where servers get their addresses.
type subnet struct {
	network string // its name
	prefix  netip.Prefix
	gateway netip.Addr
}

func (d *Driver) networkName() string {
	if d.cfg.Network != "" {
		return d.cfg.Network
	}
	return "stoker-" + d.installation
}

// joinable gives the network, and makes it if it is not there.
func (d *Driver) joinable(ctx context.Context, c *conn) (subnet, error) {
	select {
	case d.lan.turn <- struct{}{}:
		defer func() { <-d.lan.turn }()
	case <-ctx.Done():
		return subnet{}, context.Cause(ctx)
	}
	if known := d.lan.known.Load(); known != nil {
		return *known, nil
	}
	name := d.networkName()
	seen, err := c.NetworkInspect(ctx, name, client.NetworkInspectOptions{})
	if errdefs.IsNotFound(err) {
		if err := d.makeNetwork(ctx, c, name); err != nil {
			return subnet{}, err
		}
		seen, err = c.NetworkInspect(ctx, name, client.NetworkInspectOptions{})
	}
	if err != nil {
		return subnet{}, explain(ctx, "find network "+name, err)
	}
	s, err := subnetOf(seen.Network)
	if err != nil {
		return subnet{}, err
	}
	d.lan.known.Store(&s)
	return s, nil
}

// forgetNetwork has it looked for anew.
func (d *Driver) forgetNetwork() { d.lan.known.Store(nil) }

// subnetOf finds the first IPv4 subnet of a network.
func subnetOf(n network.Inspect) (subnet, error) {
	for _, c := range n.IPAM.Config {
		if c.Subnet.Addr().Is4() && c.Subnet.Bits() <= 29 {
			return subnet{network: n.Name, prefix: c.Subnet.Masked(), gateway: c.Gateway}, nil
		}
	}
	return subnet{}, &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("network %q of Docker has no IPv4 subnet to take addresses from", n.Name),
		Hint: "Give another one, or none: then Stoker makes its own."}
}

// makeNetwork makes the network with the configured subnet, or the first that is
// free.
func (d *Driver) makeNetwork(ctx context.Context, c *conn, name string) error {
	if d.cfg.Subnet != "" {
		return d.makeNetworkWith(ctx, c, name, netip.MustParsePrefix(d.cfg.Subnet))
	}
	taken := hostSubnets()
	var err error
	for try := range uint32(subnetCount) {
		p := candidate(d.installation, try)
		if overlaps(p, taken) {
			continue
		}
		err = d.makeNetworkWith(ctx, c, name, p)
		if !stoker.IsKind(err, stoker.Forbidden) {
			return err
		}
	}
	return &stoker.Error{Kind: stoker.NoCapacity, Message: "no subnet in 10.0.0.0/8 is free for network " + name, Err: err,
		Hint: "Give one as subnet in the driver's configuration."}
}

func (d *Driver) makeNetworkWith(ctx context.Context, c *conn, name string, p netip.Prefix) error {
	_, err := c.NetworkCreate(ctx, name, client.NetworkCreateOptions{
		Driver: "bridge",
		IPAM:   &network.IPAM{Driver: "default", Config: []network.IPAMConfig{{Subnet: p, Gateway: p.Addr().Next()}}},
		Labels: map[string]string{labelInstallation: d.installation},
	})
	if errdefs.IsConflict(err) {
		return nil // another has made it meanwhile
	}
	return explain(ctx, fmt.Sprintf("make network %s with subnet %s", name, p), err)
}

const (
	subnetBits  = 20
	subnetCount = 1 << (subnetBits - 8)
)

// candidate is a subnet of 10.0.0.0/8 for an installation: different ones for
// different tries, and probably so for different installations.
func candidate(installation string, try uint32) netip.Prefix {
	h := fnv.New32a()
	h.Write([]byte(installation))
	n := (h.Sum32() + try) % subnetCount << (32 - subnetBits)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), subnetBits)
}

// hostSubnets are those that this machine is in. What is behind a route is not
// seen: the configuration can name a subnet where that matters.
func hostSubnets() (out []netip.Prefix) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Masked())
		}
	}
	return out
}

func overlaps(p netip.Prefix, taken []netip.Prefix) bool {
	for _, t := range taken {
		if p.Overlaps(t) {
			return true
		}
	}
	return false
}

// removeNetwork removes the installation's own network, and nobody else's.
func (d *Driver) removeNetwork(ctx context.Context, c *conn) error {
	own, err := c.NetworkList(ctx, client.NetworkListOptions{Filters: d.ours()})
	if err != nil {
		return explain(ctx, "list networks", err)
	}
	for _, n := range own.Items {
		if _, asked := n.Labels[labelNetwork]; asked {
			continue // it goes when its stack says so
		}
		_, err := c.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
		if err != nil && strings.Contains(err.Error(), "active endpoints") {
			d.log.Info("network stays: containers of others use it", "network", n.Name)
			continue
		}
		if err != nil && !errdefs.IsNotFound(err) {
			return explain(ctx, "remove network "+n.Name, err)
		}
	}
	return nil
}

// address chooses where a server lives, always the same place for a token if it is
// free, and keeps it from others.
func (d *Driver) address(s subnet, token stoker.ServerToken) (netip.Addr, error) {
	hosts := uint32(1)<<(32-s.prefix.Bits()) - 2 // without the first and the last address
	h := fnv.New32a()
	h.Write([]byte(token))
	first := h.Sum32() % hosts
	for i := range hosts {
		ip := nth(s.prefix, 1+(first+i)%hosts)
		if ip != s.gateway && d.reserve(ip.String(), token) {
			return ip, nil
		}
	}
	return netip.Addr{}, &stoker.Error{Kind: stoker.NoCapacity, Message: fmt.Sprintf("all addresses of %s are in use", s.prefix),
		Hint: "Give a larger subnet in the driver's configuration."}
}

// nth counts addresses from the start of a subnet.
func nth(p netip.Prefix, n uint32) netip.Addr {
	b := p.Addr().As4()
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	v += n
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// reserve takes an address for a token; false if another server has it.
func (d *Driver) reserve(ip string, token stoker.ServerToken) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if other, taken := d.taken[ip]; taken && other != token {
		return false
	}
	d.taken[ip] = token
	return true
}

// giveUp leaves the address of a token to somebody that Stoker does not know.
func (d *Driver) giveUp(token stoker.ServerToken) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ip, owner := range d.taken {
		if owner == token {
			d.taken[ip] = ""
		}
	}
}

// release gives back all addresses of a token.
func (d *Driver) release(token stoker.ServerToken) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ip, owner := range d.taken {
		if owner == token {
			delete(d.taken, ip)
		}
	}
}
