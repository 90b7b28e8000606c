package netns_test

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/stoker-project/stoker/internal/netns"
)

// other is a process in a new network namespace; it gives that one's path.
func other(t *testing.T) string {
	t.Helper()
	if !netns.Able() {
		t.Skip("not allowed to enter namespaces: needs root")
	}
	cmd := exec.Command("cat") // waits for the end of its input
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := cmd.Start(); err != nil {
		t.Skip("no namespaces can be made here: ", err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return fmt.Sprintf("/proc/%d/ns/net", cmd.Process.Pid)
}

const own = "/proc/thread-self/ns/net"

func TestDo(t *testing.T) {
	path := other(t)
	if netns.Same(own, path) {
		t.Fatal("the other namespace is this one")
	}
	boom := errors.New("boom")
	err := netns.Do(path, func() error {
		if !netns.Same(own, path) {
			t.Error("not inside")
		}
		links, err := net.Interfaces()
		if err != nil || len(links) != 1 || links[0].Name != "lo" {
			t.Errorf("got %v, error %v, want the loopback interface only", links, err)
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("got %v, want the function's error", err)
	}
	if netns.Same(own, path) {
		t.Error("still inside")
	}
	if err := netns.Do(path+"-none", func() error { t.Error("called"); return nil }); err == nil {
		t.Error("no such namespace: got no error")
	}
}

// TestNoThreadStays looks at all threads after many visits at the same time.
func TestNoThreadStays(t *testing.T) {
	path := other(t)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := netns.Do(path, func() error { runtime.Gosched(); return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for range 50 {
		wg.Go(func() {
			if netns.Same(own, path) {
				t.Error("a thread has stayed inside")
			}
		})
	}
	wg.Wait()
}

func TestListen(t *testing.T) {
	path := other(t)
	l, err := netns.Listen(t.Context(), path, "tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	if again, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", port)); err != nil {
		t.Errorf("the port is taken out here: %v", err)
	} else {
		again.Close()
	}
	if _, err := netns.Listen(t.Context(), path, "tcp", fmt.Sprintf("0.0.0.0:%d", port)); err == nil {
		t.Error("the port is free in there")
	}
}
