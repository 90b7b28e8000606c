package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// errLost is in the chain of every error that says that the daemon does not
// answer: nothing is known of what was asked, and asking again may help.
var errLost = errors.New("the Docker daemon does not answer")

const hintLost = "Is Docker running, and may Stoker use its socket?"

// explain translates an error of the Engine API at the door. doing says what was
// tried: start server "web-1".
func explain(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if _, ours := stoker.AsError(err); ours {
		return fmt.Errorf("%s: %w", doing, err)
	}
	e := &stoker.Error{Message: doing, Err: err}
	switch text := err.Error(); {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	case isLost(err):
		e.Kind = stoker.Unavailable
		e.Err = fmt.Errorf("%w: %w", errLost, err)
		e.Hint = hintLost
	case anyIn(text, "no space left on device", "cannot allocate memory", "exchange full", "resource temporarily unavailable", "too many open files"):
		e.Kind = stoker.NoCapacity
	case errdefs.IsNotFound(err):
		e.Kind = stoker.NotFound
	case errdefs.IsInvalidArgument(err):
		e.Kind = stoker.Invalid
	case errdefs.IsConflict(err), errdefs.IsAlreadyExists(err):
		e.Kind = stoker.Conflict
	case errdefs.IsPermissionDenied(err), errdefs.IsUnauthorized(err):
		e.Kind = stoker.Forbidden
	default: // 500: a fault of the daemon
		e.Kind = stoker.Unavailable
	}
	return e
}

// isLost tells whether an answer is missing, or is one of a daemon that is going
// down or has lost its containerd.
func isLost(err error) bool {
	if errors.Is(err, errLost) || client.IsErrConnectionFailed(err) || errdefs.IsUnavailable(err) {
		return true
	}
	if _, isNet := errors.AsType[*net.OpError](err); isNet {
		return true
	}
	for _, lost := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, context.DeadlineExceeded} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return anyIn(err.Error(), "ttrpc: closed", "transport is closing", "connection error: desc", "containerd.sock: connect")
}

func anyIn(text string, of ...string) bool {
	for _, s := range of {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

func noServer(token stoker.ServerToken) error {
	return stoker.Errorf(stoker.NotFound, "there is no server %q", token)
}

func cannotUse(dir string, err error) error {
	return &stoker.Error{
		Kind:    stoker.Unavailable,
		Message: fmt.Sprintf("use the directory %s of the docker driver", dir),
		Err:     err,
		Hint:    "Stoker must be able to read and write it, and the disk must have room.",
	}
}
