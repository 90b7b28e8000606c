package docker

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
)

// dressLinks makes the interfaces of the namespace that the calling thread is in:
// first the filters, because the server runs already.
func dressLinks(ports []fitting) error {
	links := make([]netlink.Link, len(ports))
	gates := make([]gate, len(ports))
	for i, p := range ports {
		link, err := linkOf(p.IP)
		if err != nil {
			return err
		}
		links[i] = link
		gates[i] = gate{link: uint32(link.Attrs().Index), filter: p.Filter, hosts: p.hosts}
	}
	if err := applyGates(gates); err != nil {
		return fmt.Errorf("write packet filters: %w", err)
	}
	for i, p := range ports {
		if err := setMAC(links[i], p.MAC); err != nil {
			return fmt.Errorf("set the MAC address %s: %w", p.MAC, err)
		}
	}
	if len(ports) > 1 && ports[0].gateway.IsValid() {
		return wayOut(links[0], ports[0].gateway)
	}
	return nil
}

// wayOut leads what is for other networks through the first port; Docker takes that of
// the network whose name comes first.
func wayOut(link netlink.Link, gateway netip.Addr) error {
	err := netlink.RouteReplace(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: gateway.AsSlice()})
	if err != nil {
		return fmt.Errorf("route through %s: %w", gateway, err)
	}
	return nil
}

// linkOf finds the interface that has an address.
func linkOf(ip netip.Addr) (netlink.Link, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	for _, link := range links {
		addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
		if err != nil {
			return nil, fmt.Errorf("list the addresses of %s: %w", link.Attrs().Name, err)
		}
		for _, a := range addrs {
			if a.IP.Equal(ip.AsSlice()) {
				return link, nil
			}
		}
	}
	return nil, fmt.Errorf("no interface has the address %s", ip)
}

// setMAC changes the address of an interface, where Docker has not, and has it told
// to the neighbours.
func setMAC(link netlink.Link, text string) error {
	mac, err := net.ParseMAC(text)
	if err != nil || bytes.Equal(mac, link.Attrs().HardwareAddr) {
		return err
	}
	notify := "/proc/sys/net/ipv4/conf/" + link.Attrs().Name + "/arp_notify"
	if err := os.WriteFile(notify, []byte("1"), 0o644); err != nil {
		return err
	}
	return netlink.LinkSetHardwareAddr(link, mac)
}
