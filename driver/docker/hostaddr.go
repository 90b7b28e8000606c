package docker

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/stoker-project/stoker"
)

// AddHostAddress implements stoker.NetworkHost: the bridge gets the address. It comes
// back with the bridge when the daemon or the machine has been restarted. While the
// daemon does not answer, it waits.
func (d *Driver) AddHostAddress(ctx context.Context, token stoker.NetworkToken, ip netip.Addr) error {
	return d.hostAddress(ctx, fmt.Sprintf("give the machine the address %s in network %q", ip, token), token, ip, func(c *conn, s segment) error {
		if !usable(s.prefix, ip) {
			return stoker.Errorf(stoker.Invalid, "it is not an address of a host in %s", s.prefix)
		}
		if !d.able() {
			return &stoker.Error{Kind: stoker.Unavailable, Message: "addresses of the machine cannot be changed", Hint: "Stoker must run as root for that."}
		}
		err := d.changeReach(token, func(r *reach) {
			if !slices.Contains(r.Hosts, ip) {
				r.Hosts = append(r.Hosts, ip)
			}
		})
		if err != nil {
			return err
		}
		d.crash("host address recorded")
		return addHostAddress(s.bridge(), ip)
	})
}

// RemoveHostAddress implements stoker.NetworkHost.
func (d *Driver) RemoveHostAddress(ctx context.Context, token stoker.NetworkToken, ip netip.Addr) error {
	err := d.hostAddress(ctx, fmt.Sprintf("take the address %s in network %q from the machine", ip, token), token, ip, func(c *conn, s segment) error {
		r, err := d.readReach(token)
		if err != nil || !slices.Contains(r.Hosts, ip) {
			return err
		}
		if err := removeHostAddress(s.bridge(), ip); err != nil {
			return err
		}
		d.crash("host address removed")
		return d.changeReach(token, func(r *reach) {
			r.Hosts = slices.DeleteFunc(r.Hosts, func(other netip.Addr) bool { return other == ip })
		})
	})
	if stoker.IsKind(err, stoker.NotFound) {
		return nil
	}
	return err
}

// hostAddress changes the machine's addresses in a network, and then whom its
// servers take for the machine.
func (d *Driver) hostAddress(ctx context.Context, doing string, token stoker.NetworkToken, ip netip.Addr, change func(*conn, segment) error) error {
	err := d.persist(ctx, func(c *conn) error {
		s, err := d.segment(ctx, c, token)
		if err != nil {
			return err
		}
		if err := change(c, s); err != nil {
			return err
		}
		members, err := d.members(ctx, c, token)
		if err != nil {
			return err
		}
		return d.dressAll(ctx, c, members, true)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// restoreHosts gives bridges the addresses that they have lost.
func (d *Driver) restoreHosts(all []route) error {
	if !d.able() {
		return nil
	}
	for _, r := range all {
		for _, ip := range r.Hosts {
			if err := addHostAddress(r.bridge(), ip); err != nil {
				return err
			}
		}
	}
	return nil
}
