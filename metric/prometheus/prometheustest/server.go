// Package prometheustest starts a real Prometheus for tests that ask one.
package prometheustest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Start starts a Prometheus of the test's own on loopback, ends it with the test, and
// gives its address. The test is skipped where there is none. config is its
// configuration; it may be empty.
func Start(t *testing.T, config string) string {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("there is no prometheus here: apt-get install prometheus")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:0")
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	found := make(chan string, 1)
	var heard atomic.Pointer[string] // its last line
	go func() {                      // reads all of it, or Prometheus would block
		defer close(ended)
		said := regexp.MustCompile(`127\.0\.0\.1:[1-9][0-9]*`)
		address, ready, told := "", false, false
		for lines := bufio.NewScanner(log); lines.Scan(); {
			line := lines.Text()
			heard.Store(&line)
			if at := said.FindString(line); at != "" && address == "" {
				address = at
			}
			ready = ready || strings.Contains(line, "Server is ready")
			if !told && address != "" && ready { // either may be said first
				found <- address
				told = true
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		_ = cmd.Wait()
	})
	select {
	case at := <-found:
		return "http://" + at
	case <-ended:
		t.Fatalf("Prometheus ends at once: %s", last(&heard))
	case <-time.After(2 * time.Minute):
		t.Fatalf("Prometheus is not ready after two minutes; the last it said: %s", last(&heard))
	}
	return ""
}

func last(heard *atomic.Pointer[string]) string {
	if line := heard.Load(); line != nil {
		return *line
	}
	return "nothing"
}
