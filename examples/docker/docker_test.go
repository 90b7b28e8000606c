// Package docker_test runs examples/hello on a real Docker daemon, and breaks
// what can break while it is used.
package docker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	moby "github.com/moby/moby/client"

	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
)

func TestMain(m *testing.M) { os.Exit(dockerdtest.Main(m.Run)) }

// patience bounds each step.
const patience = time.Minute

// story is one application on one daemon.
type story struct {
	*testing.T
	daemon *dockerdtest.Daemon
	docker *moby.Client
	data   string
	config string
	stoker string // the program
	serve  *exec.Cmd
	api    *client.Client
	url    string
}

func TestHello(t *testing.T) {
	s := newStory(t)
	s.start()
	s.create(2)
	s.size(2)
	load := s.load()

	s.update(4)
	s.size(4)
	s.update(3)
	s.size(3)
	load.none(t, "scaling out and in")

	// Somebody kills a container: it is replaced.
	victim := s.containers()[0]
	if _, err := s.docker.ContainerKill(t.Context(), victim, moby.ContainerKillOptions{}); err != nil {
		t.Fatal(err)
	}
	s.until("the killed server is replaced", func() bool {
		all := s.containers()
		return len(all) == 3 && !strings.Contains(fmt.Sprint(all), victim)
	})
	s.size(3)
	load.forget() // requests that the killed one had in hand

	// Docker's daemon is killed in the middle of a scale-out: the servers go on, and
	// so does the scale-out when it is back.
	s.updating(5)
	s.daemon.Kill()
	s.answers(3)
	s.daemon.Start()
	s.settled("UPDATE_COMPLETE")
	s.size(5)
	load.none(t, "the death of dockerd")

	// Stoker itself is killed, and finds what it has.
	load.stop()
	before := s.containers()
	s.kill()
	s.start()
	s.size(5)
	if after := s.containers(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("after a restart of Stoker: got containers %v, want %v", after, before)
	}
	s.delete()
}

func newStory(t *testing.T) *story {
	s := &story{T: t, daemon: dockerdtest.New(t, "--live-restore")}
	dir := t.TempDir()
	s.stoker, s.data, s.config = filepath.Join(dir, "stoker"), filepath.Join(dir, "data"), filepath.Join(dir, "stoker.yaml")
	build := exec.Command("go", "build", "-o", s.stoker, "../../cmd/stoker")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile("stoker.yaml")
	if err != nil {
		t.Fatal(err)
	}
	here := strings.Replace(string(text), "  docker:\n", "  docker:\n    socket: "+s.daemon.Socket()+"\n", 1)
	here += "\nlisten: 127.0.0.1:0\ndata: " + s.data + "\n"
	if err := os.WriteFile(s.config, []byte(here), 0o600); err != nil {
		t.Fatal(err)
	}
	if s.docker, err = moby.New(moby.WithHost("unix://" + s.daemon.Socket())); err != nil {
		t.Fatal(err)
	}
	return s
}

// start starts Stoker as a user does.
func (s *story) start() {
	s.Helper()
	log, err := os.OpenFile(s.config+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(s.stoker, "serve", "--config", s.config)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "HOME="+s.data)
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.serve = cmd
	s.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if text, err := os.ReadFile(log.Name()); err == nil && s.Failed() {
			s.Logf("stoker:\n%s", text)
		}
	})
	s.until("Stoker answers", func() bool {
		found, err := app.Find(s.data)
		if err != nil || found.PID != cmd.Process.Pid {
			return false
		}
		s.api, err = client.New(client.Config{URL: found.URL, Token: found.Token})
		return err == nil
	})
}

func (s *story) kill() {
	s.Helper()
	if err := s.serve.Process.Kill(); err != nil {
		s.Fatal(err)
	}
	s.serve.Wait()
}

func (s *story) request(min int) client.Request {
	s.Helper()
	r, err := client.Bundle("../hello/hello.yaml", nil)
	if err != nil {
		s.Fatal(err)
	}
	r.Name, r.Parameters = "hello", map[string]any{"min": min, "max": min, "cost": "1ms"}
	return r
}

func (s *story) create(size int) {
	s.Helper()
	if _, err := s.api.Create(s.Context(), s.request(size)); err != nil {
		s.Fatal(err)
	}
	s.settled("CREATE_COMPLETE")
	outputs, err := s.api.Outputs(s.Context(), "hello")
	if err != nil {
		s.Fatal(err)
	}
	for _, o := range outputs {
		if o.Key == "url" {
			s.url = fmt.Sprint(o.Value)
		}
	}
}

func (s *story) updating(size int) {
	s.Helper()
	if err := s.api.Update(s.Context(), "hello", s.request(size)); err != nil {
		s.Fatal(err)
	}
}

func (s *story) update(size int) {
	s.Helper()
	s.updating(size)
	s.settled("UPDATE_COMPLETE")
}

func (s *story) settled(want string) {
	s.Helper()
	s.until(want, func() bool {
		st, err := s.api.Stack(s.Context(), "hello")
		if err != nil {
			s.Fatal(err)
		}
		if strings.HasSuffix(st.Status, "_FAILED") {
			s.Fatalf("%s: %s", st.Status, st.StatusReason)
		}
		return st.Status == want
	})
}

func (s *story) delete() {
	s.Helper()
	if err := s.api.Delete(s.Context(), "hello"); err != nil {
		s.Fatal(err)
	}
	s.until("the stack is gone", func() bool {
		stacks, err := s.api.Stacks(s.Context(), client.List{})
		return err == nil && len(stacks) == 0
	})
	if left := s.containers(); len(left) > 0 {
		s.Errorf("containers are left: %v", left)
	}
}

// size wants so many containers, and an answer from each.
func (s *story) size(want int) {
	s.Helper()
	if got := s.containers(); len(got) != want {
		s.Errorf("got %d containers, want %d", len(got), want)
	}
	s.answers(want)
}

// answers wants that so many different servers answer.
func (s *story) answers(want int) {
	s.Helper()
	hosts := map[string]bool{}
	s.until(fmt.Sprintf("%d servers answer", want), func() bool {
		if host, err := ask(s.Context(), s.url); err == nil {
			hosts[host] = true
		}
		return len(hosts) >= want
	})
}

// ask gives the name of the server that answers.
func ask(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	var answer struct{ Host string }
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", resp.Status, body)
	}
	return answer.Host, json.Unmarshal(body, &answer)
}

// containers are the IDs of all servers that Docker has, the ended ones included.
func (s *story) containers() (ids []string) {
	s.Helper()
	all, err := s.docker.ContainerList(s.Context(), moby.ContainerListOptions{All: true, Filters: moby.Filters{}.Add("label", "stoker.token")})
	if err != nil {
		s.Fatal(err)
	}
	for _, c := range all.Items {
		ids = append(ids, c.ID)
	}
	return ids
}

func (s *story) until(what string, ok func() bool) {
	s.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			s.Fatalf("waited in vain: %s", what)
		}
	}
}

// load asks all the time and counts what fails.
type load struct {
	asked, failed atomic.Int64
	mu            sync.Mutex
	last          error
	stop          func()
}

func (s *story) load() *load {
	ctx, cancel := context.WithCancel(s.Context())
	l := &load{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				_, err := ask(ctx, s.url)
				if ctx.Err() != nil {
					return
				}
				l.asked.Add(1)
				if err != nil {
					l.failed.Add(1)
					l.mu.Lock()
					l.last = err
					l.mu.Unlock()
				}
			}
		})
	}
	l.stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	s.Cleanup(l.stop)
	return l
}

func (l *load) none(t *testing.T, during string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.failed.Load(); n > 0 || l.asked.Load() == 0 {
		t.Errorf("%s: %d of %d requests failed, the last: %v", during, n, l.asked.Load(), l.last)
	}
}

func (l *load) forget() { l.failed.Store(0) }
