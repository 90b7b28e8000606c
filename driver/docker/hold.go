package docker

import (
	"net/netip"

	"github.com/stoker-project/stoker"
)

// A container runs before its ports can be filtered. Meanwhile the machine holds what
// its filters could forbid: packets to, or from, its addresses on their way through
// the bridge.

// hold is what is held of the addresses of one server.
type hold struct {
	to, from []netip.Addr
}

// holdOf says what filters could forbid. What passes them in any case is not held: lost
// first packets cost a second.
func holdOf(ports []stoker.ServerPort) (h hold) {
	for _, p := range ports {
		if p.Filter == nil {
			continue
		}
		if !letsAll(p.Filter.Ingress) {
			h.to = append(h.to, p.IP)
		}
		if !letsAll(p.Filter.Egress) {
			h.from = append(h.from, p.IP)
		}
	}
	return h
}

// letsAll tells whether a rule lets pass all that can be of IPv4.
func letsAll(rules []stoker.FilterRule) bool {
	for _, r := range rules {
		_, any, err := protocolOf(r.Protocol)
		if err != nil || !any {
			continue
		}
		if len(r.Remote) == 0 {
			return true
		}
		for _, p := range r.Remote {
			if p.Addr().Is4() && p.Bits() == 0 {
				return true
			}
		}
	}
	return false
}

// holdName is the installation's own table in the machine's filter of bridges.
func (d *Driver) holdName() string { return "stoker-" + d.installation }

// hold holds what is sent to, and by, a server that is about to be started, until its
// ports are made.
func (d *Driver) hold(ports []stoker.ServerPort) {
	h := holdOf(ports)
	if !d.able() || len(h.to)+len(h.from) == 0 {
		return
	}
	d.fitting.Lock()
	defer d.fitting.Unlock()
	if err := holdPackets(d.holdName(), h); err != nil {
		d.log.Warn("servers are not filtered in the moment of their start", "err", err)
	}
}

// letGo ends hold for a server that has not come up.
func (d *Driver) letGo(ports []stoker.ServerPort) {
	if !d.able() || len(ports) == 0 {
		return
	}
	d.fitting.Lock()
	defer d.fitting.Unlock()
	if err := releasePackets(d.holdName(), addressesOf(ports)); err != nil {
		d.log.Warn("some packets may still be held", "table", d.holdName(), "err", err)
	}
}

func addressesOf(ports []stoker.ServerPort) (ips []netip.Addr) {
	for _, p := range ports {
		ips = append(ips, p.IP)
	}
	return ips
}

// letAllGo ends all that is held.
func (d *Driver) letAllGo() {
	if !d.able() {
		return
	}
	d.fitting.Lock()
	defer d.fitting.Unlock()
	if err := removeHold(d.holdName()); err != nil {
		d.log.Warn("some packets may still be held", "table", d.holdName(), "err", err)
	}
}
