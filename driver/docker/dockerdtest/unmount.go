package dockerdtest

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Unmount takes away what is mounted at a place and below it when the test ends, so
// that a temporary folder can be removed although servers are left: with them stay the
// mounts that they see. Call it after the folder was made, and before what uses it.
func Unmount(t testing.TB, place string) {
	t.Cleanup(func() {
		_ = unix.Unmount(place, unix.MNT_DETACH) // most tests have left nothing there
	})
}
