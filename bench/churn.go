package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/builtin"
	"github.com/stoker-project/stoker/balancer/haproxy"
	"github.com/stoker-project/stoker/internal/request"
)

// The load while members come and go: open, so that nothing waits for an answer
// before the next request, on connections that stay and on new ones.
const (
	churnCycles = 100
	churnRate   = 520 // requests per second, of each kind
	churnFirst  = 50 * time.Millisecond
	churnStay   = 50 * time.Millisecond // that a guest serves, and that it is away
	churnDrain  = 10 * time.Second
	churnBound  = 3 * time.Minute // of one balancer
)

// benchChurn scales out and in behind both balancers, and takes the time from a
// member's entry, whose server is ready, until it has answered its first request.
func benchChurn(ctx context.Context, b *bench) ([]figure, error) {
	ours := builtin.New(builtin.Config{})
	out, err := churnBehind(ctx, "built-in", ours)
	ours.Close()
	if err != nil {
		return out, err
	}
	if _, err := exec.LookPath("haproxy"); err != nil {
		return append(out, figure{what: "scaling out and in, HAProxy", got: "-", note: "skipped: haproxy is not installed"}), nil
	}
	theirs, err := haproxy.New(haproxy.Config{Dir: filepath.Join(b.dir, "churn")})
	if err != nil {
		return out, err
	}
	defer theirs.Close()
	more, err := churnBehind(ctx, "HAProxy", theirs)
	return append(out, more...), err
}

func churnBehind(ctx context.Context, name string, lb stoker.Balancer) ([]figure, error) {
	ctx, cancel := context.WithTimeout(ctx, churnBound)
	defer cancel()
	status, err := lb.SetPool(ctx, stoker.Pool{ID: "p", Name: "churn", Retries: 2,
		Listeners: []stoker.Listener{{Protocol: stoker.ProtocolHTTP, Address: "127.0.0.1"}}, Health: stoker.HealthCheck{Protocol: stoker.ProtocolTCP}})
	if err != nil {
		return nil, err
	}
	defer lb.RemovePool(context.WithoutCancel(ctx), "p")
	always, err := join(ctx, lb, "always")
	if err != nil {
		return nil, err
	}
	defer always.Close()
	keep, fresh := newLoad(status.URLs[0]), newLoad(status.URLs[0])
	fresh.client.Transport = &http.Transport{DisableKeepAlives: true}
	for _, l := range []*load{keep, fresh} {
		l.rate.Store(churnRate)
		l.run(ctx)
	}
	start := time.Now()
	firsts, err := cycles(ctx, lb, keep)
	length := time.Since(start)
	keep.stop()
	fresh.stop()
	if err != nil {
		return nil, err
	}
	return churnFigures(name, firsts, keep, fresh, length), nil
}

// cycles lets guests come and go, and gives how long each took to its first answer.
// A guest's server ends as soon as the balancer says that it has left.
func cycles(ctx context.Context, lb stoker.Balancer, l *load) ([]time.Duration, error) {
	var firsts []time.Duration
	for i := range churnCycles {
		name := fmt.Sprintf("guest-%d", i)
		before := l.hosts()
		start := time.Now()
		guest, err := join(ctx, lb, name)
		if err != nil {
			return nil, err
		}
		first, err := l.newHost(ctx, before, start)
		if err == nil {
			err = request.Pause(ctx, churnStay)
		}
		if err == nil {
			err = lb.RemoveMember(ctx, "p", stoker.MemberID(name), churnDrain)
		}
		guest.Close()
		if err == nil {
			err = request.Pause(ctx, churnStay)
		}
		if err != nil {
			return nil, fmt.Errorf("cycle %d: %w", i, err)
		}
		firsts = append(firsts, first)
	}
	return firsts, nil
}

// join starts a server and makes it a member.
func join(ctx context.Context, lb stoker.Balancer, name string) (*http.Server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "{\"host\":%q}", name)
	})}
	go srv.Serve(ln) // until its Close
	id := stoker.MemberID(name)
	err = lb.SetMember(ctx, "p", stoker.Member{ID: id, Address: ln.Addr().String()})
	if err == nil {
		err = lb.AwaitMember(ctx, "p", id)
	}
	if err != nil {
		srv.Close()
		return nil, err
	}
	return srv, nil
}

func churnFigures(name string, firsts []time.Duration, keep, fresh *load, length time.Duration) []figure {
	sent, failed := keep.sent.Load()+fresh.sent.Load(), keep.failed.Load()+fresh.failed.Load()
	rate := float64(sent) / length.Seconds()
	slices.Sort(firsts)
	first := took("a ready member joins to its first answer, "+name, firsts[len(firsts)/2], churnFirst)
	first.note = fmt.Sprintf("median of %d, slowest %s", len(firsts), firsts[len(firsts)-1].Round(time.Millisecond))
	note := fmt.Sprintf("of %d requests at %.0f/s, half of them on new connections (%d failed)", sent, rate, fresh.failed.Load())
	for _, l := range []*load{keep, fresh} {
		if err := l.first.Load(); err != nil {
			note += fmt.Sprintf("; the first: %v", *err)
		}
	}
	return []figure{{
		what:   fmt.Sprintf("%d times out and in under load, %s", churnCycles, name),
		got:    fmt.Sprintf("%d failed", failed),
		target: "0 failed",
		note:   note,
		missed: failed > 0 || rate < 1000,
	}, first}
}
