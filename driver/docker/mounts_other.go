//go:build !linux

package docker

import (
	"context"

	"github.com/stoker-project/stoker"
)

// Docker's daemon is on this machine only on Linux; elsewhere nothing is mounted.

func canMount() bool { return false }

func shareMount(string) error { return noMounts() }

func mountOnce(string, string) error { return noMounts() }

func mountedFor(int, string) (bool, error) { return false, noMounts() }

func unmountAll(context.Context, string) error { return nil }

func anyMount(string) (bool, error) { return false, nil }

func noMounts() error {
	return stoker.Errorf(stoker.Unavailable, "volumes can be attached on Linux only")
}
