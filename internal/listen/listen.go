// Package listen says why an address cannot be listened on, in the words and kinds
// of this house. It opens nothing: who listens, and how, is up to the callers.
package listen

import (
	"errors"
	"os"
	"syscall"

	"github.com/stoker-project/stoker"
)

// Error explains err, with which listening on the address at ended, and what to
// do about it. Kinds: Conflict when the address is in use, Forbidden when the
// port is not for us, Invalid when the machine has no such address, otherwise
// Unavailable.
func Error(at string, err error) error {
	e := &stoker.Error{Kind: stoker.Unavailable, Message: "listen on " + at, Err: reason(err)}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		e.Kind, e.Hint = stoker.Conflict, "Choose another port, or stop what listens there."
	case errors.Is(err, syscall.EACCES):
		e.Kind, e.Hint = stoker.Forbidden, "Choose a port above 1023, or allow this one to Stoker."
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		e.Kind, e.Hint = stoker.Invalid, "Choose an address that this machine has."
	}
	return e
}

// reason strips what net wraps around an errno: it repeats the address.
func reason(err error) error {
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		return sys.Err
	}
	return err
}
