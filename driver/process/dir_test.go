//go:build linux

package process_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/process"
)

func TestConfigIsChecked(t *testing.T) {
	for what, cfg := range map[string]process.Config{
		"no directory":  {},
		"port":          {Dir: t.TempDir(), Port: 70000},
		"empty command": {Dir: t.TempDir(), Images: map[string]process.Image{"a": {}}},
		"file outside":  {Dir: t.TempDir(), Images: map[string]process.Image{"a": {Command: "true", Files: map[string]string{"../x": ""}}}},
		"variable name": {Dir: t.TempDir(), Images: map[string]process.Image{"a": {Command: "true", Env: map[string]string{"a b": ""}}}},
	} {
		if _, err := process.New(cfg); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%s: got %v, want Invalid", what, err)
		}
	}
}

func TestTwoDriversOnOneDirectory(t *testing.T) {
	cfg := process.Config{Dir: t.TempDir()}
	open(t, cfg)
	_, err := process.New(cfg)
	if !stoker.IsKind(err, stoker.Conflict) || !strings.Contains(err.Error(), "in use by process ") {
		t.Errorf("got %v, want a Conflict that names the holder", err)
	}
}

func TestUnusableDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := process.New(process.Config{Dir: filepath.Join(file, "dir")})
	if !stoker.IsKind(err, stoker.Unavailable) || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v, want Unavailable and the path", err)
	}
}

func TestCorruptRecords(t *testing.T) {
	for what, corrupt := range map[string]func(dir string) error{
		"cut off":       func(dir string) error { return os.Truncate(filepath.Join(dir, "server.json"), 20) },
		"empty":         func(dir string) error { return os.Truncate(filepath.Join(dir, "server.json"), 0) },
		"missing":       func(dir string) error { return os.Remove(filepath.Join(dir, "server.json")) },
		"state":         func(dir string) error { return os.Truncate(filepath.Join(dir, "state.json"), 5) },
		"another token": func(dir string) error { return rewrite(filepath.Join(dir, "server.json"), `"one"`, `"two"`) },
		"address":       func(dir string) error { return rewrite(filepath.Join(dir, "server.json"), `"127.`, `"8.`) },
	} {
		t.Run(what, func(t *testing.T) {
			eachCgroups(t, func(t *testing.T, cfg process.Config) {
				d := open(t, cfg)
				create(t, d, stoker.ServerSpec{Image: "sleep 1000"})
				if err := d.Close(); err != nil {
					t.Fatal(err)
				}
				if err := corrupt(filepath.Join(cfg.Dir, "servers", "one")); err != nil {
					t.Fatal(err)
				}
				d = open(t, cfg)
				s := only(t, d)
				if s.Token != "one" || s.State != stoker.ServerError || !strings.Contains(s.Reason, "cannot be used") {
					t.Errorf("got %+v, want ERROR and why", s)
				}
				if _, err := d.Create(t.Context(), stoker.ServerSpec{Token: "one", Image: "sleep 1000"}); !stoker.IsKind(err, stoker.Conflict) {
					t.Errorf("create: got %v, want Conflict", err)
				}
				if err := d.Destroy(t.Context(), "one", time.Second); err != nil {
					t.Fatal(err)
				}
				if got := processesOf(cfg.Dir); len(got) != 0 {
					t.Errorf("got processes %v, want none", got)
				}
			})
		})
	}
}

func rewrite(file, from, to string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strings.Replace(string(data), from, to, 1)), 0o600)
}

// On a disk that gets full at any step, create must leave nothing, and destroy
// must work.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("stoker", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("cannot mount a small file system here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	d := open(t, process.Config{Dir: dir})
	create(t, d, stoker.ServerSpec{Token: "first", Image: "sleep 1000"})
	refused := 0
	for free := 12; free >= 0; free-- {
		fill(t, filepath.Join(dir, "filler"), dir, free)
		_, err := d.Create(t.Context(), stoker.ServerSpec{Token: "one", Image: "sleep 1000"})
		if err != nil && !stoker.IsKind(err, stoker.Unavailable) {
			t.Errorf("%d pages free: got %v, want Unavailable", free, err)
		}
		want := 2
		if err != nil {
			refused++
			want = 1
		}
		if got := processesOf(dir); len(got) != want {
			t.Errorf("%d pages free, error %v: got processes %v, want %d", free, err, got, want)
		}
		if err := d.Destroy(t.Context(), "one", time.Second); err != nil {
			t.Errorf("%d pages free: destroy: %v", free, err)
		}
	}
	if refused == 0 {
		t.Error("the disk was never full")
	}
	if err := d.Destroy(t.Context(), "first", time.Second); err != nil {
		t.Errorf("destroy on the full disk: %v", err)
	}
}

// fill leaves that many pages of a file system free.
func fill(t *testing.T, file, dir string, free int) {
	t.Helper()
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	size := (int64(fs.Bfree) - int64(free)) * fs.Bsize
	if err := os.WriteFile(file, make([]byte, max(size, 0)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStrangeTokens(t *testing.T) {
	cfg := process.Config{Dir: t.TempDir()}
	d := open(t, cfg)
	tokens := []stoker.ServerToken{"..", ".", "a/b", "../../x", "ä ö", "%2E", ".probe"}
	for _, token := range tokens {
		create(t, d, stoker.ServerSpec{Token: token, Image: "sleep 1000"})
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, cfg)
	servers, err := d.List(t.Context())
	if err != nil || len(servers) != len(tokens) {
		t.Errorf("got %d servers, error %v, want %d", len(servers), err, len(tokens))
	}
	for _, token := range tokens {
		if err := d.Destroy(t.Context(), token, time.Second); err != nil {
			t.Error(err)
		}
	}
	if got := processesOf(cfg.Dir); len(got) != 0 {
		t.Errorf("got processes %v, want none", got)
	}
}
