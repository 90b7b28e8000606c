package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/token"
)

// The files of a data directory that are ours; drivers and stores have theirs.
const (
	lockFile    = "lock"
	tokenFile   = "token"      // the generated token
	signalFile  = "signal.key" // signs the addresses that take signals
	sealFile    = "seal.key"   // seals what is secret in the store
	revokedFile = "revoked"    // tokens of the identity API that ended before their time
	serverFile  = "server.json"
)

// openData makes the data directory and locks it until unlock is called. The
// lock is the kernel's: it ends with this process however that ends.
func openData(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, dataError(dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, dataError(dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 100))
		f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, dataError(dir, err)
		}
		return nil, &stoker.Error{Kind: stoker.Conflict,
			Message: fmt.Sprintf("the data directory %s is in use by %s", dir, strings.TrimSpace(string(holder))),
			Hint:    "Stop that server first, talk to it (stoker stack create ...), or give another directory with --data."}
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = fmt.Fprintf(f, "process %d\n", os.Getpid())
	}
	if err != nil {
		f.Close()
		return nil, dataError(dir, err)
	}
	return f.Close, nil
}

func dataError(dir string, err error) error {
	e := &stoker.Error{Kind: stoker.Unavailable, Message: fmt.Sprintf("use the data directory %s", dir), Err: err}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		e.Hint = "The disk is full: make room, or give another directory with --data."
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Hint = "Give a directory that can be written to with --data."
	}
	return e
}

// Server is what a running server leaves in its data directory for clients on
// the same machine.
type Server struct {
	URL   string `json:"url"` // with the project: http://127.0.0.1:8004/v1/default
	Token string `json:"-"`
	PID   int    `json:"pid"`
}

func announce(dir string, s Server) (withdraw func() error, err error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, serverFile)
	tmp := path + ".new"
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return nil, dataError(dir, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return nil, dataError(dir, err)
	}
	return func() error { return os.Remove(path) }, nil
}

// Find gives the server that runs on a data directory, with its generated token
// where it has one. NotFound when there is none.
func Find(dir string) (Server, error) {
	var s Server
	text, err := os.ReadFile(filepath.Join(dir, serverFile))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil || !alive(s.PID) { // a server that was killed leaves its file behind
		return s, &stoker.Error{Kind: stoker.NotFound, Message: "no server runs on " + dir,
			Hint: "Start one with: stoker serve, or name another with --url or STOKER_URL."}
	}
	if s.Token, err = token.Read(filepath.Join(dir, tokenFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	return s, nil
}

// alive tells whether there is a process, of whomever.
func alive(pid int) bool {
	return pid > 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
