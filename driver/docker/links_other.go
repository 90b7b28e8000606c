//go:build !linux

package docker

import (
	"errors"
	"net/netip"
)

// Networks of containers can be changed on Linux only; elsewhere nobody is able.

func dressLinks([]fitting) error { return errors.ErrUnsupported }

func addHostAddress(string, netip.Addr) error { return errors.ErrUnsupported }

func removeHostAddress(string, netip.Addr) error { return errors.ErrUnsupported }

func holdPackets(string, hold) error { return errors.ErrUnsupported }

func releasePackets(string, []netip.Addr) error { return errors.ErrUnsupported }

func removeHold(string) error { return errors.ErrUnsupported }
