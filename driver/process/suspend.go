//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stoker-project/stoker"
)

var _ stoker.ServerPauser = (*Driver)(nil)

// Pause implements stoker.ServerPauser: every process of the server gets SIGSTOP,
// which none can refuse.
func (d *Driver) Pause(ctx context.Context, token stoker.ServerToken) error {
	return d.signalAll(ctx, token, "pause", unix.SIGSTOP, true)
}

// Unpause implements stoker.ServerPauser.
func (d *Driver) Unpause(ctx context.Context, token stoker.ServerToken) error {
	return d.signalAll(ctx, token, "unpause", unix.SIGCONT, false)
}

// signalAll sends a signal until all processes of the server are stopped, or are
// not: one that has not got it yet may start another meanwhile.
func (d *Driver) signalAll(ctx context.Context, token stoker.ServerToken, verb string, sig unix.Signal, stopped bool) error {
	unlock, err := d.locks.lock(ctx, token)
	if err != nil {
		return fmt.Errorf("%s server %q: %w", verb, token, err)
	}
	defer unlock()
	s := d.find(token)
	switch {
	case s == nil:
		return fmt.Errorf("%s: %w", verb, noServer(token))
	case s.state == nil || isClosed(s.ended):
		return stoker.Errorf(stoker.Conflict, "%s server %q: it does not run", verb, token)
	}
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for {
		left, err := d.signalOnce(ctx, token, s, sig, stopped)
		if err != nil {
			return fmt.Errorf("%s server %q: %w", verb, token, err)
		}
		if left == 0 {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%s server %q: %w", verb, token, context.Cause(ctx))
		}
	}
}

// signalOnce signals the processes that are not as wanted and tells how many.
func (d *Driver) signalOnce(ctx context.Context, token stoker.ServerToken, s *server, sig unix.Signal, stopped bool) (int, error) {
	alive, err := d.members(ctx, token, s)
	if err != nil {
		return 0, err
	}
	left := 0
	for _, p := range alive {
		e, err := readStat(p.PID)
		if err != nil || e.zombie || e.start != p.Start || e.stopped == stopped {
			continue
		}
		left++
		if err := p.send(sig); err != nil {
			return left, err
		}
	}
	return left, nil
}

// send gives a process a signal; one that is gone is no error.
func (p process) send(sig unix.Signal) error {
	fd, err := p.open()
	if errors.Is(err, errGone) {
		return nil
	}
	if err != nil {
		return err
	}
	defer fd.close()
	if err := fd.signal(sig); err != nil {
		return fmt.Errorf("signal process %d: %w", p.PID, err)
	}
	return nil
}

// isStopped tells whether this process is stopped, by us or by somebody else.
func (p process) isStopped() bool {
	e, err := readStat(p.PID)
	return err == nil && e.start == p.Start && e.stopped
}
