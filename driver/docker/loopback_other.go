//go:build !linux

package docker

import (
	"errors"
	"net/netip"
)

// addToLoopback is for Linux only, as containers are.
func addToLoopback(netip.Addr) error { return errors.ErrUnsupported }
