package docker

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// addToLoopback works in the namespace of the present thread.
func addToLoopback(ip netip.Addr) error {
	h, err := netlink.NewHandle()
	if err != nil {
		return err
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find lo: %w", err)
	}
	bits := ip.BitLen()
	add := &netlink.Addr{IPNet: &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(bits, bits)}}
	if err := h.AddrReplace(lo, add); err != nil {
		return fmt.Errorf("add %s to lo: %w", ip, err)
	}
	return nil
}
