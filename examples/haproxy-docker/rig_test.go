// Package haproxydocker_test runs the example as its README says, on a real Docker
// daemon and with a real HAProxy, and breaks what can break while it is used.
package haproxydocker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

// The addresses of the example.
const (
	url   = "http://127.0.0.1:8080"
	stats = "http://127.0.0.1:8404"
)

// rig is a machine with Docker and HAProxy of the test's own: it has its own
// network, so that the example's ports are free, and Docker's socket is where it
// always is.
type rig struct {
	*testing.T
	daemon *dockerdtest.Daemon
	docker *moby.Client
	dir    string // of the program
	home   string
	cmd    *exec.Cmd // the Stoker that runs
	output string    // file of what it says
	api    *client.Client
}

func newRig(t *testing.T) *rig {
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("haproxy is not installed (apt-get install haproxy)")
	}
	r := &rig{T: t, daemon: dockerdtest.New(t, "--live-restore", "--host", "unix:///var/run/docker.sock"), dir: t.TempDir()}
	r.home, r.output = filepath.Join(r.dir, "home"), filepath.Join(r.dir, "output")
	if err := os.Mkdir(r.home, 0o700); err != nil {
		t.Fatal(err)
	}
	var err error
	if r.docker, err = moby.New(moby.WithHost("unix://" + r.daemon.Socket())); err != nil {
		t.Fatal(err)
	}
	importPython(t, r.docker)
	build := exec.Command("go", "build", "-o", filepath.Join(r.dir, "stoker"), "./cmd/stoker")
	build.Dir, build.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(r.end)
	return r
}

// end ends what a test that failed has left: the daemon's containers end with it.
func (r *rig) end() {
	if r.cmd != nil {
		r.cmd.Process.Kill()
		r.cmd.Wait()
	}
	for _, pid := range haproxies() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	if r.Failed() {
		for _, file := range []string{r.output, r.data("stoker.log"), r.data("haproxy/haproxy.cfg")} {
			if text, err := os.ReadFile(file); err == nil {
				r.Logf("%s:\n%s", file, text[max(0, len(text)-12000):])
			}
		}
	}
}

func (r *rig) data(name string) string { return filepath.Join(r.home, ".local/share/stoker", name) }

// stoker is a command line as a user types it in the clone's folder.
func (r *rig) stoker(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(r.dir, "stoker"), args...)
	cmd.Dir = "../.."
	cmd.Env = []string{"HOME=" + r.home, "PATH=" + os.Getenv("PATH")}
	return cmd
}

// start starts a Stoker that runs until it is ended.
func (r *rig) start(args ...string) {
	r.Helper()
	out, err := os.OpenFile(r.output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.Fatal(err)
	}
	defer out.Close()
	r.cmd = r.stoker(args...)
	r.cmd.Stdout, r.cmd.Stderr = out, out
	if err := r.cmd.Start(); err != nil {
		r.Fatal(err)
	}
	pid := r.cmd.Process.Pid
	r.until("Stoker answers", func() bool {
		found, err := app.Find(r.data(""))
		if err != nil || found.PID != pid {
			return false
		}
		r.api, err = client.New(client.Config{URL: found.URL, Token: found.Token})
		return err == nil
	})
}

// run runs a command to its end and gives what it says.
func (r *rig) run(args ...string) string {
	r.Helper()
	out, err := r.stoker(args...).CombinedOutput()
	if err != nil {
		r.Fatalf("stoker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// settled waits until the stack is done.
func (r *rig) settled(want string) {
	r.Helper()
	r.until("the stack is "+want, func() bool {
		st, err := r.api.Stack(r.Context(), "app")
		if err == nil && strings.HasSuffix(st.Status, "_FAILED") {
			r.Fatalf("%s: %s", st.Status, st.StatusReason)
		}
		return err == nil && st.Status == want
	})
}

// size waits until so many containers are there, all of them up in HAProxy.
func (r *rig) size(want int) {
	r.Helper()
	var ids []string
	var up int
	r.until(fmt.Sprintf("%d servers", want), func() bool {
		g, err := r.api.Group(r.Context(), "app/web")
		ids, up = r.containers(), r.up()
		return err == nil && g.Size == want && len(ids) == want && up == want
	})
}

// containers are the IDs of all servers that Docker has, the ended ones included.
func (r *rig) containers() (ids []string) {
	r.Helper()
	all, err := r.docker.ContainerList(r.Context(), moby.ContainerListOptions{All: true, Filters: moby.Filters{}.Add("label", "stoker.token")})
	if err != nil {
		return nil // its daemon is away
	}
	for _, c := range all.Items {
		ids = append(ids, c.ID)
	}
	return ids
}

// up counts the servers that HAProxy sends requests to, by its own statistics.
func (r *rig) up() int {
	resp, err := http.Get(stats + "/;csv")
	if err != nil {
		return -1
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return -1
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "flask_backend,") && !strings.Contains(line, ",BACKEND,") && strings.Contains(line, ",UP,") {
			n++
		}
	}
	return n
}

// haproxies are the processes of HAProxy. This process's namespace has no others
// than the test's.
func haproxies() (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		var pid int
		name, err := os.ReadFile(dir + "/comm")
		stat, _ := os.ReadFile(dir + "/stat")
		if err != nil || string(name) != "haproxy\n" || bytes.Contains(stat, []byte(") Z ")) {
			continue
		}
		if _, err := fmt.Sscan(filepath.Base(dir), &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (r *rig) until(what string, ok func() bool) {
	r.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			r.Fatalf("waited in vain: %s", what)
		}
	}
}

// answer is what the API says.
type answer struct{ Host, Message string }

// ask makes one request.
func ask(ctx context.Context, c *http.Client) (answer, error) {
	var a answer
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return a, err
	}
	resp, err := c.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, err
	}
	if resp.StatusCode != http.StatusOK {
		return a, fmt.Errorf("%s: %.100s", resp.Status, body)
	}
	return a, json.Unmarshal(body, &a)
}

// load asks all the time, half of its clients with a new connection for each
// request, and counts what fails.
type load struct {
	fresh, kept, failed atomic.Int64
	mu                  sync.Mutex
	last                error
	stop                func()
}

func (r *rig) load(clients int) *load {
	ctx, cancel := context.WithCancel(r.Context())
	l := &load{}
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() { l.run(ctx, i%2 == 0) })
	}
	l.stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	r.Cleanup(l.stop)
	return l
}

func (l *load) run(ctx context.Context, fresh bool) {
	tr := &http.Transport{DisableKeepAlives: fresh}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr, Timeout: patience}
	count := &l.kept
	if fresh {
		count = &l.fresh
	}
	tick := time.NewTicker(10 * time.Millisecond) // the machine is left to what is tested
	defer tick.Stop()
	for {
		a, err := ask(ctx, c)
		if ctx.Err() != nil {
			return
		}
		if err == nil && (a.Host == "" || a.Message != "Hello") {
			err = errors.New("wrong answer: " + fmt.Sprint(a))
		}
		if err != nil {
			l.failed.Add(1)
			l.mu.Lock()
			l.last = fmt.Errorf("%s: %w", time.Now().Format("15:04:05.000"), err)
			l.mu.Unlock()
		}
		count.Add(1)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// wantClean wants that no request has failed since the last time, and that there
// were some of both kinds.
func (r *rig) wantClean(l *load, during string) {
	r.Helper()
	r.until("requests", func() bool { return l.fresh.Load() > 10 && l.kept.Load() > 10 })
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh, kept, failed := l.fresh.Swap(0), l.kept.Swap(0), l.failed.Swap(0)
	r.Logf("%s: %d requests by new connections, %d by kept ones", during, fresh, kept)
	if failed > 0 {
		r.Errorf("%s: %d requests failed, the last: %v", during, failed, l.last)
	}
}
