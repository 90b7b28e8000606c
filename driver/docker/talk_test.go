package docker_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/netns"
)

// machine is the tests' program outside of containers; it ends with the tests.
var machine = sync.OnceValues(func() (stoker.Server, error) {
	s := stoker.Server{Addresses: []stoker.Address{{IP: "127.0.0.1"}}, Port: 9100}
	_, err := runApp("127.0.0.1:9100", 0)
	return s, err
})

// runApp starts the tests' program, in new namespaces where flags say so.
func runApp(at string, flags uintptr) (*exec.Cmd, error) {
	file, err := app()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(file, "serve")
	cmd.Env = append(os.Environ(), "HOST="+host, "PORT="+port)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	return cmd, cmd.Start()
}

// dial has a server, or the machine, connect to an address.
func dial(t *testing.T, d stoker.Driver, from stoker.ServerToken, network, address string) func() bool {
	t.Helper()
	s, err := machine()
	if err != nil {
		t.Fatal(err)
	}
	if from != "" {
		s = find(t, d, from)
	}
	number, ok := ask(t, s, "/dial?"+url.Values{"network": {network}, "address": {address}}.Encode())
	if !ok {
		return nil
	}
	return func() bool {
		_, ok := ask(t, s, "/say?number="+number)
		return ok
	}
}

// ask is get for what may be refused. It waits until the server listens.
func ask(t *testing.T, s stoker.Server, path string) (text string, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	where := "http://" + net.JoinHostPort(s.Addresses[0].IP, strconv.Itoa(s.Port)) + path
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err == nil {
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			return string(body), err == nil && resp.StatusCode == http.StatusOK
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not answer: %v", where, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// beyond makes another machine, which is in no network of Docker's, and gives where
// it answers. Empty where there can be none.
func beyond(t *testing.T) string {
	t.Helper()
	const here, there = "203.0.113.1/24", "203.0.113.2/24"
	if !netns.Able() {
		return ""
	}
	cmd, err := runApp("0.0.0.0:80", syscall.CLONE_NEWNET)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	near := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "near"}, PeerName: "far"}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(netlink.LinkAdd(near))
	far, err := netlink.LinkByName("far")
	must(err)
	must(netlink.LinkSetNsPid(far, cmd.Process.Pid))
	must(up("near", here))
	must(netns.Do(fmt.Sprintf("/proc/%d/ns/net", cmd.Process.Pid), func() error { return up("far", there) }))
	return "203.0.113.2:80"
}

// up gives an interface its address.
func up(name, address string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(address)
	if err != nil {
		return err
	}
	if err := netlink.AddrReplace(link, addr); err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}
