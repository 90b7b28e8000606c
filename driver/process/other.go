//go:build !linux

package process

import (
	"runtime"

	"github.com/stoker-project/stoker"
)

// Driver exists on Linux only.
type Driver struct{ stoker.Driver }

// New gives an error of kind Invalid: the driver needs Linux.
func New(Config) (*Driver, error) {
	return nil, &stoker.Error{Kind: stoker.Invalid,
		Message: "the process driver does not run on " + runtime.GOOS,
		Hint:    "It needs Linux; choose another driver."}
}

// Close does nothing.
func (*Driver) Close() error { return nil }
