package identity

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
)

// revocations are the tokens that ended before their time. Each is kept until
// that time, in a file with a line for each: its ID and the Unix time.
type revocations struct {
	path string // empty: memory only

	mu    sync.Mutex
	until map[string]int64
}

// openRevocations reads the file, and leaves out of it what has ended.
func openRevocations(path string) (*revocations, error) {
	r := &revocations{path: path, until: map[string]int64{}}
	if path == "" {
		return r, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read revoked tokens: %w", err)
	}
	now := time.Now().Unix()
	for lines := bufio.NewScanner(strings.NewReader(string(text))); lines.Scan(); {
		id, end, _ := strings.Cut(lines.Text(), " ")
		n, err := strconv.ParseInt(end, 10, 64)
		if err != nil { // the last line may be cut by a crash
			continue
		}
		if n > now {
			r.until[id] = n
		}
	}
	return r, r.rewrite()
}

func (r *revocations) rewrite() error {
	var b strings.Builder
	for id, end := range r.until {
		fmt.Fprintf(&b, "%s %d\n", id, end)
	}
	tmp := r.path + ".new"
	err := os.WriteFile(tmp, []byte(b.String()), 0o600)
	if err == nil {
		err = os.Rename(tmp, r.path)
	}
	if err != nil {
		return fmt.Errorf("write revoked tokens: %w", err)
	}
	return nil
}

func (r *revocations) has(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.until[id] != 0
}

// add revokes a token. When it returns nil that is on the disk.
func (r *revocations) add(t *ticket) (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now().Unix()
	for id, end := range r.until {
		if end <= now {
			delete(r.until, id)
		}
	}
	r.until[t.ID] = t.Expires
	if r.path == "" {
		return nil
	}
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return &stoker.Error{Kind: stoker.Unavailable, Message: "record that the token is revoked", Err: err}
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := fmt.Fprintf(f, "%s %d\n", t.ID, t.Expires); err != nil {
		return fmt.Errorf("record that the token is revoked: %w", err)
	}
	return f.Sync()
}
