// Package haproxydocker_test runs the example as its README says, on a real Docker
// daemon and with a real HAProxy, and breaks what can break while it is used.
package haproxydocker_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
	"github.com/stoker-project/stoker/examples/story"
)

func TestMain(m *testing.M) { os.Exit(dockerdtest.Main(m.Run)) }

// The addresses of the example.
const (
	url   = "http://127.0.0.1:8080"
	stats = "http://127.0.0.1:8404"
)

// rig is a machine with Docker and HAProxy of the test's own: it has its own
// network, so that the example's ports are free, and Docker's socket is where it
// always is.
type rig struct{ *story.Story }

func newRig(t *testing.T) rig {
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("haproxy is not installed (apt-get install haproxy)")
	}
	r := rig{story.New(t, "../..", "--live-restore", "--host", "unix:///var/run/docker.sock")}
	importPython(t, r.Docker)
	t.Cleanup(func() { // what a test that failed has left
		for _, pid := range haproxies() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		if t.Failed() {
			t.Logf("haproxy.cfg:\n%s", r.config())
		}
	})
	return r
}

// config is HAProxy's configuration.
func (r rig) config() string {
	text, err := os.ReadFile(filepath.Join(r.Data, "haproxy", "haproxy.cfg"))
	if err != nil {
		r.Error(err)
	}
	return string(text)
}

// size waits until there are so many containers, all of them up in HAProxy.
func (r rig) size(want int) {
	r.Helper()
	r.Until(fmt.Sprintf("%d servers", want), func() bool {
		g, err := r.API.Group(r.Context(), "app/web")
		return err == nil && g.Size == want && up() == want && len(r.Containers()) == want
	})
}

// up counts the servers that HAProxy sends requests to, by its own statistics; -1
// while it does not answer.
func up() int {
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

// haproxies are the processes of HAProxy. The test's namespace has no others than
// its own.
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
