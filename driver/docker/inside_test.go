package docker_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/docker"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
)

const (
	metadataURL = "http://169.254.169.254/who"
	doorURL     = "http://127.0.0.1:8004/who"
)

// who answers with what is known of the one who asks.
func who(get func(context.Context) (stoker.Instance, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i, err := get(r.Context())
		fmt.Fprintf(w, "%s %s %s %s %s %s %s %v", i.Token, i.Image, i.Flavor, i.Metadata["role"], i.UserData, i.Keys["me"], i.Addresses[0].IP, err)
	})
}

func inside() []docker.Inside {
	return []docker.Inside{
		{Address: netip.MustParseAddrPort("169.254.169.254:80"), Serve: who},
		{Address: netip.MustParseAddrPort("127.0.0.1:8004"), Serve: who, Yields: true},
	}
}

// ask has a server fetch an address.
func (w *world) ask(token stoker.ServerToken, address string) string {
	w.Helper()
	return get(w.T, w.find(token), "/fetch?url="+url.QueryEscape(address))
}

func (w *world) untilAnswers(token stoker.ServerToken, address, want string) {
	w.Helper()
	w.until(fmt.Sprintf("%s tells %s: %s", address, token, want), func() bool { return strings.Contains(w.ask(token, address), want) })
}

func newInsideWorld(t *testing.T, args ...string) *world {
	w := newWorld(t, dockerdtest.New(t, args...))
	w.cfg.Inside = inside()
	w.reopen()
	return w
}

func insideSpec(role string) stoker.ServerSpec {
	return stoker.ServerSpec{Image: "serve", Flavor: stoker.Flavor{Name: "small"}, Metadata: map[string]string{"role": role}, UserData: "data-" + role,
		Keys: map[string]string{"me": "ssh-rsa " + role}}
}

func TestInside(t *testing.T) {
	w := newInsideWorld(t)
	ip := map[stoker.ServerToken]string{}
	for _, token := range []stoker.ServerToken{"a", "b"} {
		ip[token] = w.create(token, insideSpec("role-"+string(token))).Addresses[0].IP
	}
	for token, ip := range ip {
		want := fmt.Sprintf("%s serve small role-%[1]s data-role-%[1]s ssh-rsa role-%[1]s %[2]s <nil>", token, ip)
		for _, address := range []string{metadataURL, doorURL} {
			if got := w.ask(token, address); got != want {
				t.Errorf("%s asks %s: got %q, want %q", token, address, got, want)
			}
		}
	}
	if err := w.driver.UpdateMetadata(w.ctx, "a", map[string]string{"role": "new"}); err != nil {
		t.Fatal(err)
	}
	if got := w.ask("a", metadataURL); !strings.Contains(got, " new ") {
		t.Errorf("after an update: got %q", got)
	}

	w.reopen()
	w.untilAnswers("a", metadataURL, "a serve small new")
	w.untilAnswers("b", doorURL, "b serve")

	// Somebody restarts a container: its namespace is another one then.
	if _, err := w.docker.ContainerRestart(w.ctx, string(w.find("b").ID), client.ContainerRestartOptions{}); err != nil {
		t.Fatal(err)
	}
	w.untilAnswers("b", metadataURL, "b serve")
	w.untilAnswers("b", doorURL, "b serve")
}

// TestInsideAndTheDaemon: while Docker is away, servers are still told what they are.
func TestInsideAndTheDaemon(t *testing.T) {
	w := newInsideWorld(t, "--live-restore")
	s := w.create("a", insideSpec("x"))
	fetch := func() string { return get(t, s, "/fetch?url="+url.QueryEscape(metadataURL)) }
	if got := fetch(); !strings.HasPrefix(got, "a serve small x") {
		t.Fatalf("got %q", got)
	}
	w.daemon.Kill()
	w.untilLost()
	if got := fetch(); !strings.HasPrefix(got, "a serve small x") {
		t.Errorf("without a daemon: got %q", got)
	}
	w.daemon.Start()
	w.until("the daemon is seen again", func() bool { _, err := w.driver.List(w.ctx); return err == nil })
	w.untilAnswers("a", metadataURL, "a serve small x")
}

// TestInsideYields: an application that uses the door's address keeps it.
func TestInsideYields(t *testing.T) {
	w := newInsideWorld(t)
	s := insideSpec("x")
	s.Port = 8004
	w.create("a", s)
	if err := w.driver.Close(); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.untilAnswers("a", metadataURL, "a serve")
	if got := get(t, w.find("a"), "/env"); !strings.Contains(got, "PORT=8004") {
		t.Errorf("got %q, want the application", got)
	}
}

// TestInsideMany opens and closes many at the same time.
func TestInsideMany(t *testing.T) {
	w := newInsideWorld(t)
	const many = 24
	var wg sync.WaitGroup
	for n := range many {
		wg.Go(func() {
			token := stoker.ServerToken(fmt.Sprint("s", n))
			s := insideSpec("x")
			s.Token, s.Name = token, string(token)
			if _, err := w.driver.Create(w.ctx, s); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for n := range many {
		token := stoker.ServerToken(fmt.Sprint("s", n))
		if got := w.ask(token, metadataURL); !strings.HasPrefix(got, string(token)+" serve") {
			t.Errorf("%s: got %q", token, got)
		}
	}
	for n := range many {
		wg.Go(func() {
			if err := w.driver.Destroy(w.ctx, stoker.ServerToken(fmt.Sprint("s", n)), time.Second); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
