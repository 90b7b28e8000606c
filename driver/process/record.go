//go:build linux

package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/stoker-project/stoker"
)

// The files that a server's directory holds; see the package comment.
const (
	recordFile  = "server.json"
	stateFile   = "state.json"
	endFile     = "end.json"
	destroyFile = "destroy.json"
	logFile     = "log"
	oldLogFile  = "log.1"
	workName    = "work"
	metaFile    = "metadata.json"
)

// record is server.json: the intent, written before anything is started.
type record struct {
	Spec    stoker.ServerSpec `json:"spec"`
	Address string            `json:"address"`
	Port    int               `json:"port"`
	Created time.Time         `json:"created"`
}

// state is state.json: the process that was started.
type state struct {
	Process process   `json:"process"`
	Started time.Time `json:"started"`
	Notes   []string  `json:"notes,omitempty"`
}

// end is end.json: how a server ended by itself.
type end struct {
	State  stoker.ServerState `json:"state"`
	Reason string             `json:"reason"`
	Time   time.Time          `json:"time"`
}

// destroy is destroy.json: the wish that it be gone.
type destroy struct {
	Grace time.Duration `json:"grace"`
}

func (r record) check(token stoker.ServerToken) error {
	if r.Spec.Token != token {
		return fmt.Errorf("it is of server %q", r.Spec.Token)
	}
	if ip, err := netip.ParseAddr(r.Address); err != nil || !addresses.Contains(ip) {
		return fmt.Errorf("%q is not an address in %s", r.Address, addresses)
	}
	if r.Port < 1 || r.Port > 65535 {
		return fmt.Errorf("port %d is out of range", r.Port)
	}
	return nil
}

// fileName turns a token into the name of its directory and control group.
func fileName(token stoker.ServerToken) string {
	name := url.PathEscape(string(token))
	if strings.HasPrefix(name, ".") {
		name = "%2E" + name[1:]
	}
	return name
}

func tokenOf(fileName string) (stoker.ServerToken, error) {
	token, err := url.PathUnescape(fileName)
	return stoker.ServerToken(token), err
}

// writeJSON replaces a file in one step. It is not synced to the disk: a process
// does not outlive a power failure, and a record that does not either is no loss.
func writeJSON(file string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(file, append(data, '\n'))
}

// replaceFile writes beside the target first. The temporary name is fixed: there
// is one writer per file.
func replaceFile(file string, data []byte) error {
	tmp := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".tmp")
	if err := writeFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, file)
}

// writeFile is os.WriteFile that no fork can interrupt. A child that inherits the
// open file for a moment would make the file's execution fail with ETXTBSY.
func writeFile(file string, data []byte, mode fs.FileMode) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(file, data, mode)
}

// readJSON tells whether the file was there.
func readJSON(file string, v any) (bool, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, fmt.Errorf("%s: %w", file, err)
	}
	return true, nil
}
