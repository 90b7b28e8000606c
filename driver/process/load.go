//go:build linux

package process

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/stoker-project/stoker"
)

// clearTmp removes what a crash has left on its way in or out.
func (d *Driver) clearTmp() error {
	if err := os.RemoveAll(d.tmpDir()); err != nil {
		return err
	}
	return os.Mkdir(d.tmpDir(), 0o700)
}

// installationID reads the directory's name for itself, or chooses one.
func installationID(file string) (string, error) {
	data, err := os.ReadFile(file)
	if id := strings.TrimSpace(string(data)); err == nil && id != "" && filepath.IsLocal(id) {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	id := strings.ToLower(rand.Text()[:12])
	return id, replaceFile(file, []byte(id+"\n"))
}

// load reads all servers and takes them up where an earlier driver left them.
func (d *Driver) load() error {
	entries, err := os.ReadDir(d.serversDir())
	if err != nil {
		return cannotUse(d.cfg.Dir, err)
	}
	found := d.searcher()
	var unfinished []func()
	for _, e := range entries {
		token, err := tokenOf(e.Name())
		if err != nil || fileName(token) != e.Name() {
			d.log.Warn("strange file among the servers", "file", filepath.Join(d.serversDir(), e.Name()))
			continue
		}
		finish, err := d.loadServer(token, found)
		if err != nil {
			return err
		}
		if finish != nil {
			unfinished = append(unfinished, finish)
		}
	}
	for _, finish := range unfinished {
		d.wg.Go(finish)
	}
	return nil
}

// loadServer puts one server into the table. finish is what is left to do for one
// that was being destroyed; it must wait until the table is complete.
func (d *Driver) loadServer(token stoker.ServerToken, found func(stoker.ServerToken) (process, error)) (finish func(), err error) {
	s := newServer(token)
	d.servers[token] = s
	dir := d.serverDir(token)
	wish, leaving, err := d.readServer(s)
	s.leaving = leaving // before adopt, whose watch reads it
	if err != nil {
		d.log.Error("server record cannot be used", "server", token, "err", err)
		s.bad = err
		s.endAs(stoker.ServerError, fmt.Sprintf("the record of this server in %s cannot be used: %v; destroy the server", dir, err))
	} else {
		d.taken[s.record.Address] = token
		if err := d.adopt(s, found); err != nil {
			return nil, err
		}
	}
	if !leaving {
		return nil, nil
	}
	return func() {
		if err := d.Destroy(d.ctx, token, wish.Grace); err != nil && d.ctx.Err() == nil {
			d.log.Error("destroy server", "server", token, "err", err)
		}
	}, nil
}

// readServer reads the files of a server. leaving tells that it is to be
// destroyed, which needs no readable record.
func (d *Driver) readServer(s *server) (wish destroy, leaving bool, err error) {
	dir := d.serverDir(s.token)
	leaving, err = readJSON(filepath.Join(dir, destroyFile), &wish)
	if err != nil {
		wish.Grace, leaving = 0, true
	}
	there, err := readJSON(filepath.Join(dir, recordFile), &s.record)
	if err == nil && !there {
		err = fmt.Errorf("%s is missing", recordFile)
	}
	if err == nil {
		err = s.record.check(s.token)
	}
	if err != nil {
		s.record = record{}
		return wish, leaving, err
	}
	var st state
	var en end
	if there, err = readJSON(filepath.Join(dir, stateFile), &st); there && err == nil {
		s.state = &st
	}
	if err != nil {
		return wish, leaving, err
	}
	// How it ended is only for people; without it the end is found out again.
	if there, err := readJSON(filepath.Join(dir, endFile), &en); there && err == nil {
		s.end = &en
	}
	return wish, leaving, nil
}

// searcher finds the process of a server that was started by a driver that could
// not write it down. It looks through all processes only once, and only if asked.
func (d *Driver) searcher() func(stoker.ServerToken) (process, error) {
	var byToken map[stoker.ServerToken]process
	return func(token stoker.ServerToken) (process, error) {
		if byToken == nil {
			all, err := d.scanner.look(d.ctx)
			if err != nil {
				return process{}, fmt.Errorf("look for running servers: %w", err)
			}
			byToken = leaders(all, d.boot)
		}
		return byToken[token], nil
	}
}

// leaders gives the first process of each server: the oldest leader of a session.
func leaders(all []tagged, boot string) map[stoker.ServerToken]process {
	byToken := map[stoker.ServerToken]process{}
	for _, p := range all {
		if p.token == "" || p.session != p.pid {
			continue
		}
		if old, ok := byToken[p.token]; !ok || p.start < old.Start {
			byToken[p.token] = process{PID: p.pid, Start: p.start, Boot: boot}
		}
	}
	return byToken
}

// adopt watches the process of a server that an earlier driver started, or says
// how it has ended.
func (d *Driver) adopt(s *server, found func(stoker.ServerToken) (process, error)) error {
	if s.end != nil {
		close(s.ended)
		return nil
	}
	if s.state == nil {
		p, err := found(s.token)
		if err != nil {
			return err
		}
		if p.PID == 0 {
			s.endAs(stoker.ServerError, "Stoker ended before it had started this server; creating it again starts it")
			return nil
		}
		s.state = &state{Process: p, Started: s.record.Created}
		if err := writeJSON(filepath.Join(d.serverDir(s.token), stateFile), s.state); err != nil {
			return cannotUse(d.cfg.Dir, err)
		}
	}
	if s.state.Process.Boot != d.boot {
		s.endAs(stoker.ServerError, "was lost: the machine was restarted")
		return nil
	}
	fd, err := s.state.Process.open()
	if err != nil && !errors.Is(err, errGone) {
		return fmt.Errorf("watch server %q: %w", s.token, err)
	}
	if err != nil {
		s.endAs(stoker.ServerStopped, "ended while Stoker was not running, so its exit status is not known"+d.lastLines(s.token))
		return nil
	}
	d.wg.Go(func() { d.watch(s, fd) })
	return nil
}

// errGone tells that a process is not there any more.
var errGone = errors.New("the process is gone")

// open gives a hold on the process, or errGone.
func (p process) open() (*pidfd, error) {
	fd, err := openPidfd(p.PID)
	if errors.Is(err, syscall.ESRCH) {
		return nil, errGone
	}
	if err != nil {
		return nil, err
	}
	if !isProcess(p.PID, p.Start) { // its number is used by another
		fd.close()
		return nil, errGone
	}
	return fd, nil
}

// endAs records in memory that there is nothing to wait for. It is for servers
// that nobody watches.
func (s *server) endAs(state stoker.ServerState, reason string) {
	s.end = &end{State: state, Reason: reason, Time: time.Now()}
	close(s.ended)
}
