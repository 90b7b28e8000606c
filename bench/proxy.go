package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/builtin"
	"github.com/stoker-project/stoker/internal/hello"
)

// benchBalancer compares our balancer with HAProxy on the same backends, in
// turns, each in a process of its own.
func benchBalancer(ctx context.Context, b *bench) ([]figure, error) {
	for _, tool := range []string{"haproxy", "wrk"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%w: %s is not installed", errSkip, tool)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var backends []string
	for range 2 {
		p, err := b.child(ctx, "backend")
		if err != nil {
			return nil, err
		}
		defer p.stop()
		backends = append(backends, p.address)
	}
	ours, err := b.child(ctx, "balancer", backends...)
	if err != nil {
		return nil, err
	}
	defer ours.stop()
	theirs, err := b.haproxy(ctx, backends)
	if err != nil {
		return nil, err
	}
	defer theirs.stop()
	return compare(ctx, ours.address, theirs.address)
}

func compare(ctx context.Context, ours, theirs string) ([]figure, error) {
	var our, their []float64
	for range 3 {
		for _, x := range []struct {
			address string
			rates   *[]float64
		}{{ours, &our}, {theirs, &their}} {
			r, err := wrk(ctx, x.address)
			if err != nil {
				return nil, err
			}
			*x.rates = append(*x.rates, r)
		}
	}
	slices.Sort(our)
	slices.Sort(their)
	return []figure{{
		what:   "built-in balancer, keep-alive, 32 connections",
		got:    fmt.Sprintf("%.0f req/s", our[1]),
		target: fmt.Sprintf("> half of HAProxy's %.0f", their[1]),
		note:   fmt.Sprintf("%.2f of HAProxy", our[1]/their[1]),
		missed: our[1] < their[1]/2,
	}}, nil
}

var requestsPerSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

// wrk loads an address for three seconds and gives the requests per second. A
// failed request fails the measurement.
func wrk(ctx context.Context, address string) (float64, error) {
	out, err := exec.CommandContext(ctx, "wrk", "-t1", "-c32", "-d3s", "http://"+address+"/").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("wrk: %w: %s", err, out)
	}
	m := requestsPerSecond.FindSubmatch(out)
	if m == nil || bytes.Contains(out, []byte("Non-2xx")) || bytes.Contains(out, []byte("Socket errors")) {
		return 0, fmt.Errorf("wrk on %s: %s", address, out)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

// proc is a process that this one has started.
type proc struct {
	address string
	cmd     *exec.Cmd
}

func (p *proc) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// child runs this program in one of its roles, see serveRole, and waits for its
// address.
func (b *bench) child(ctx context.Context, role string, args ...string) (*proc, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"-role", role}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &proc{cmd: cmd}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("start the %s: %w", role, err)
	}
	p.address = strings.TrimSpace(line)
	return p, nil
}

// serveRole is what a child does: a backend or our balancer, until it is killed.
func serveRole(ctx context.Context, role string, args []string) error {
	switch role {
	case "backend":
		return hello.Run(ctx, hello.Config{Host: "127.0.0.1", Workers: 1000, Name: "backend",
			Listening: func(address string) { fmt.Println(address) }})
	case "balancer":
		return serveBalancer(ctx, args)
	}
	return fmt.Errorf("unknown role %q", role)
}

func serveBalancer(ctx context.Context, members []string) error {
	b := builtin.New(builtin.Config{})
	defer b.Close()
	status, err := b.SetPool(ctx, stoker.Pool{ID: "p", Name: "bench",
		Listeners: []stoker.Listener{{Protocol: stoker.ProtocolHTTP}}, Health: stoker.HealthCheck{Protocol: stoker.ProtocolTCP}})
	if err != nil {
		return err
	}
	for i, address := range members {
		id := stoker.MemberID(strconv.Itoa(i))
		if err := b.SetMember(ctx, "p", stoker.Member{ID: id, Address: address}); err != nil {
			return err
		}
		if err := b.AwaitMember(ctx, "p", id); err != nil {
			return err
		}
	}
	fmt.Println(status.Addresses[0])
	<-ctx.Done()
	return nil
}

func (b *bench) haproxy(ctx context.Context, backends []string) (*proc, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	var conf strings.Builder
	fmt.Fprintf(&conf, "defaults\n mode http\n timeout connect 2s\n timeout client 30s\n timeout server 30s\n option forwardfor\n"+
		"frontend f\n bind %s\n default_backend b\nbackend b\n balance roundrobin\n", address)
	for i, s := range backends {
		fmt.Fprintf(&conf, " server s%d %s check\n", i, s)
	}
	file := filepath.Join(b.dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(conf.String()), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "haproxy", "-db", "-f", file)
	cmd.Stderr = io.Discard
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &proc{address: address, cmd: cmd}
	if err := listening(ctx, address); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// listening waits until something accepts connections.
func listening(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("nothing listens on %s", address), err)
		case <-tick.C:
		}
	}
}
