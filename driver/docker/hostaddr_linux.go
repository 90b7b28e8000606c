package docker

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/stoker-project/stoker"
)

// addHostAddress gives an interface of the machine an address, for itself only: the
// bridge's own one says which subnet it is in.
func addHostAddress(bridge string, ip netip.Addr) error {
	link, err := netlink.LinkByName(bridge)
	if err == nil {
		err = netlink.AddrReplace(link, hostOnly(ip))
	}
	return ofBridge(bridge, err)
}

// removeHostAddress takes it away; nil when it, or the bridge, is not there.
func removeHostAddress(bridge string, ip netip.Addr) error {
	link, err := netlink.LinkByName(bridge)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err == nil {
		err = netlink.AddrDel(link, hostOnly(ip))
	}
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		return nil
	}
	return ofBridge(bridge, err)
}

func hostOnly(ip netip.Addr) *netlink.Addr {
	return &netlink.Addr{IPNet: &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(ip.BitLen(), ip.BitLen())}}
}

func ofBridge(bridge string, err error) error {
	if err == nil {
		return nil
	}
	return &stoker.Error{Kind: stoker.Unavailable, Message: fmt.Sprintf("change the addresses of interface %s", bridge), Err: err,
		Hint: "Stoker must run on the machine of the Docker daemon."}
}
