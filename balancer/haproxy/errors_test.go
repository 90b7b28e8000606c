package haproxy_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/haproxy"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := func(name, says string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\necho '"+says+"'\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		name, binary, want string
	}{
		{"not there", filepath.Join(dir, "nothing"), "no such file"},
		{"too old", script("old", "HAProxy version 2.4.22 2023/01/01"), "2.4.22 is too old"},
		{"HA-Proxy of old", script("older", "HA-Proxy version 1.8.4 2018/01/01"), "1.8.4 is too old"},
		{"something else", script("other", "nginx"), "does not look like HAProxy"},
	} {
		_, err := haproxy.New(haproxy.Config{Dir: filepath.Join(dir, "data"), Binary: c.binary})
		if !stoker.IsKind(err, stoker.Unavailable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an Unavailable one with %q", c.name, err, c.want)
		}
	}
	if _, err := haproxy.New(haproxy.Config{}); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("no directory: got %v, want Invalid", err)
	}
}

// What HAProxy says of a configuration it refuses reaches the user.
func TestConfigurationRefused(t *testing.T) {
	t.Parallel()
	b := open(t, haproxy.Config{Global: []string{"no-such-word at all"}})
	_, err := b.SetPool(t.Context(), webPool())
	if !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), "no-such-word") {
		t.Errorf("SetPool: got %v, want an Invalid one that names the word", err)
	}
	if _, err := b.Stats(t.Context(), poolID); !stoker.IsKind(err, stoker.NotFound) {
		t.Errorf("Stats after the refusal: got %v, want NotFound", err)
	}
}

func TestInvalid(t *testing.T) {
	t.Parallel()
	b := open(t, haproxy.Config{})
	mixed := webPool()
	mixed.Listeners = append(mixed.Listeners, stoker.Listener{Protocol: stoker.ProtocolTCP})
	injected := webPool()
	injected.Health.Path = "/health\n  server evil 127.0.0.1:1"
	cookie := webPool()
	cookie.StickyCookie = "a b"
	for name, p := range map[string]stoker.Pool{"tcp and http": mixed, "path with a line break": injected, "cookie with a space": cookie} {
		if _, err := b.SetPool(t.Context(), p); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
	odd := webPool()
	odd.Name = "a b\n#\"é'" // for people: anything goes
	setPool(t, b, odd)
	for _, m := range []stoker.Member{{ID: "a", Address: "127.0.0.1"}, {Address: "127.0.0.1:1"}, {ID: "a", Address: "127.0.0.1:1", Weight: 257}} {
		if err := b.SetMember(t.Context(), poolID, m); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("SetMember %+v: got %v, want Invalid", m, err)
		}
	}
	spaced := newApp(t, "an odd; name/ä")
	join(t, b, spaced)
	if got := states(t, b)["an odd; name/ä"]; got != stoker.MemberUp {
		t.Errorf("state of a member of an odd name: got %q, want up", got)
	}
}

// A path too long for the address of a socket is no obstacle.
func TestLongDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	b := open(t, haproxy.Config{Dir: dir})
	st := setPool(t, b, webPool())
	join(t, b, newApp(t, "one"))
	if who, err := get(st.URLs[0]); who != "one" {
		t.Errorf("answer: got %q (%v), want one", who, err)
	}
}

// Keys are for nobody else's eyes.
func TestFileModes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	p := webPool()
	p.Listeners[0].Protocol = stoker.ProtocolHTTPS
	setPool(t, open(t, haproxy.Config{Dir: dir}), p)
	seen := 0
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // written beside its place, and in it by now
		}
		if err != nil {
			return err
		}
		seen++
		if info.Mode().Perm()&0o077 != 0 && info.Mode().IsRegular() || info.IsDir() && info.Mode().Perm() != 0o700 {
			t.Errorf("mode of %s: got %v, want none for others", path, info.Mode())
		}
		return nil
	})
	if err != nil || seen < 5 {
		t.Errorf("files: got %d (%v), want several", seen, err)
	}
}

// What Go takes for a regular expression and HAProxy does not is refused when the pool
// is set, and nothing changes.
func TestRegexThatHAProxyRefuses(t *testing.T) {
	t.Parallel()
	b := open(t, haproxy.Config{})
	p := webPool()
	st := setPool(t, b, p)
	join(t, b, newApp(t, "one"))
	p.Listeners = []stoker.Listener{{Protocol: stoker.ProtocolHTTP, Policies: []stoker.L7Policy{{
		Action: stoker.L7Reject, Rules: []stoker.L7Rule{{Type: stoker.L7Path, Compare: stoker.L7Regex, Value: `\x{10FFFF}`}},
	}}}}
	if _, err := b.SetPool(t.Context(), p); !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), "regex") {
		t.Errorf("got %v, want an Invalid one that tells of the regex", err)
	}
	if who, err := get(st.URLs[0]); who != "one" {
		t.Errorf("afterwards: got %q (%v), want one", who, err)
	}
}
