//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stoker-project/stoker"
)

// Destroy implements stoker.Driver. It stops every process of the server, also
// those that have left its session, and removes all its files. When ctx ends
// before, the next Destroy or the next driver goes on with it.
func (d *Driver) Destroy(ctx context.Context, token stoker.ServerToken, grace time.Duration) error {
	unlock, err := d.locks.lock(ctx, token)
	if err != nil {
		return fmt.Errorf("destroy server %q: %w", token, err)
	}
	defer unlock()
	return d.destroy(ctx, token, grace)
}

// destroy does it; the token's lock is held.
func (d *Driver) destroy(ctx context.Context, token stoker.ServerToken, grace time.Duration) error {
	s := d.find(token)
	if s != nil {
		d.mu.Lock()
		s.leaving = true
		d.mu.Unlock()
		// A full disk must not keep a server alive, so this is not fatal.
		if err := writeJSON(filepath.Join(d.serverDir(token), destroyFile), destroy{grace}); err != nil {
			d.log.Warn("record that a server is to be destroyed", "server", token, "err", err)
		}
		d.crash("leaving")
	}
	err := d.stop(ctx, token, s, grace)
	if err == nil {
		d.crash("stopped")
		err = d.forget(ctx, token)
	}
	if err != nil {
		return fmt.Errorf("destroy server %q: %w", token, err)
	}
	return nil
}

func (d *Driver) isLeaving(s *server) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return s.leaving
}

// stop ends all processes of a server: asks, waits for the grace, then kills. It
// believes only what it sees afterwards.
func (d *Driver) stop(ctx context.Context, token stoker.ServerToken, s *server, grace time.Duration) error {
	patience, cancel := context.WithTimeout(ctx, max(grace, 0))
	defer cancel()
	asked := map[process]bool{}
	for ctx.Err() == nil {
		alive, err := d.members(ctx, token, s)
		if err != nil {
			return err
		}
		if len(alive) == 0 {
			return d.awaitWatcher(ctx, s)
		}
		err = d.signalAndWait(ctx, patience, alive, asked)
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// awaitWatcher waits until the first process is reaped and its end recorded.
func (d *Driver) awaitWatcher(ctx context.Context, s *server) error {
	if s == nil {
		return nil
	}
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-d.ctx.Done():
		return errors.New("the driver is closed")
	}
}

// signalAndWait sends one round of signals and waits for those it was sent to:
// SIGTERM once to each as long as there is patience, then SIGKILL.
func (d *Driver) signalAndWait(ctx, patience context.Context, alive []process, asked map[process]bool) error {
	sig, wait := unix.SIGTERM, patience
	if patience.Err() != nil {
		sig, wait = unix.SIGKILL, ctx
	}
	var held []*pidfd
	defer func() {
		for _, fd := range held {
			fd.close()
		}
	}()
	for _, p := range alive {
		fd, err := p.open()
		if errors.Is(err, errGone) {
			continue
		}
		if err != nil {
			return err
		}
		held = append(held, fd)
		if sig == unix.SIGTERM && asked[p] {
			continue
		}
		asked[p] = true
		if err := fd.signal(sig); err != nil {
			return fmt.Errorf("signal process %d: %w", p.PID, err)
		}
		if sig == unix.SIGTERM && p.isStopped() { // else it would not hear of it
			if err := fd.signal(unix.SIGCONT); err != nil {
				return fmt.Errorf("signal process %d: %w", p.PID, err)
			}
		}
	}
	for _, fd := range held {
		if err := fd.wait(wait); err != nil && wait.Err() == nil {
			return err
		}
	}
	return nil
}

// members gives the living processes of a server. Its control group knows them
// all, unless somebody has moved the first one out. Without a group, they are
// those of its session and those that carry its token.
func (d *Driver) members(ctx context.Context, token stoker.ServerToken, s *server) ([]process, error) {
	if pids, ok := d.cgroups.pids(fileName(token)); ok {
		if s != nil && s.state != nil && !isClosed(s.ended) {
			first := s.state.Process
			if !slices.Contains(pids, first.PID) && isProcess(first.PID, first.Start) {
				pids = append(pids, first.PID)
			}
		}
		return d.living(pids), nil
	}
	all, err := d.scanner.look(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for its processes: %w", err)
	}
	session := d.sessionOf(s, all)
	var alive []process
	for _, p := range all {
		if p.token == token || session != 0 && p.session == session {
			alive = append(alive, process{PID: p.pid, Start: p.start, Boot: d.boot})
		}
	}
	return alive, nil
}

// living leaves out zombies and Stoker itself: with the old control groups the
// thread that has started a server is in its group for the rest of its life, and
// the whole of Stoker counts as a member.
func (d *Driver) living(pids []int) []process {
	var alive []process
	for _, pid := range pids {
		if e, err := readStat(pid); err == nil && !e.zombie && pid != os.Getpid() {
			alive = append(alive, process{PID: pid, Start: e.start, Boot: d.boot})
		}
	}
	return alive
}

// sessionOf gives the session that the server was started in, 0 if there is none
// or if its number is used by somebody else by now.
func (d *Driver) sessionOf(s *server, all []tagged) int {
	if s == nil || s.state == nil || s.state.Process.Boot != d.boot {
		return 0
	}
	first := s.state.Process
	for _, p := range all {
		if p.pid == first.PID && p.start != first.Start {
			return 0
		}
	}
	return first.PID
}

// forget removes everything of a server that has no process.
func (d *Driver) forget(ctx context.Context, token stoker.ServerToken) error {
	if err := removeSoon(ctx, d.cgroups, fileName(token)); err != nil {
		return err
	}
	if err := d.removeDir(token); err != nil {
		return cannotUse(d.serverDir(token), err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.servers[token]; s != nil {
		if d.taken[s.record.Address] == token {
			delete(d.taken, s.record.Address)
		}
		delete(d.servers, token)
	}
	return nil
}

// removeDir takes the directory out of the servers in one step before it takes it
// apart: half a server must never be seen.
func (d *Driver) removeDir(token stoker.ServerToken) error {
	tmp := filepath.Join(d.tmpDir(), fileName(token))
	if err := os.RemoveAll(tmp); err != nil { // of an earlier try
		return err
	}
	err := os.Rename(d.serverDir(token), tmp)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(tmp)
}
