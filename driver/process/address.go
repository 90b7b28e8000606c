//go:build linux

package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/stoker-project/stoker"
)

// addresses is where servers live: loopback, and far from 127.0.0.1 and from
// 127.0.0.53, which others use.
var addresses = netip.MustParsePrefix("127.64.0.0/10")

// addressTries is how many addresses are tried for one server. There are four
// million, so more than a few misses mean that it is not by chance.
const addressTries = 64

// address chooses where a server listens, always the same place for a token if it
// is free, and keeps it from others until release is called.
func (d *Driver) address(token stoker.ServerToken, port int) (string, error) {
	for try := range uint32(addressTries) {
		ip := candidate(d.installation, token, try)
		if !d.reserve(ip, token) {
			continue
		}
		err := canListen(ip, port)
		if err == nil {
			return ip, nil
		}
		d.release(ip)
		if !errors.Is(err, syscall.EADDRINUSE) {
			return "", &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("port %d", port), Err: err,
				Hint: "Choose a port above 1023, or run Stoker with the right to use low ports."}
		}
	}
	return "", &stoker.Error{
		Kind:    stoker.Unavailable,
		Message: fmt.Sprintf("no address in %s has port %d free", addresses, port),
		Hint:    fmt.Sprintf("Probably a program listens on port %d on all addresses (0.0.0.0): stop it, bind it to one address, or choose another port for the servers.", port),
	}
}

// candidate spreads tokens over the addresses; the last byte is never 0 or 255.
func candidate(installation string, token stoker.ServerToken, try uint32) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%s/%d", installation, token, try)
	sum := h.Sum64()
	sum ^= sum >> 32
	base := binary.BigEndian.Uint32(addresses.Addr().AsSlice())
	upper := uint32(sum>>8) & 0x3fff // 14 bits over the last byte
	ip := base | upper<<8 | uint32(1+(sum&0xff)%254)
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, ip))).String()
}

// canListen asks the kernel, so that other installations and programs count too.
func canListen(ip string, port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort(ip, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}

// reserve takes an address for a token; false if another server has it.
func (d *Driver) reserve(ip string, token stoker.ServerToken) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, taken := d.taken[ip]; taken {
		return false
	}
	d.taken[ip] = token
	return true
}

func (d *Driver) release(ip string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.taken, ip)
}
