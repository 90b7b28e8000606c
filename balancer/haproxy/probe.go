package haproxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// What health checks say of themselves, ours and HAProxy's.
const (
	checkHost  = "localhost"
	checkAgent = "stoker-health"
)

// First checks come quickly: a member serves as soon as it can.
const (
	probeFirst = 5 * time.Millisecond
	probeLast  = 50 * time.Millisecond
)

// startChecks begins a member's first checks, anew if there are some.
func (k *keeper) startChecks(p *pool, m *member) {
	m.stop()
	m.phase = checking
	if a, err := netip.ParseAddrPort(m.want.Address); err == nil && p.want.Health.Protocol == "" {
		m.passed(a.String())
		return
	}
	ctx, cancel := context.WithCancel(k.life)
	m.stop = cancel
	address, health := m.want.Address, p.want.Health
	k.spawn(func() {
		at := firstChecks(ctx, address, health, func(err error) {
			k.post(func(*keeper) {
				if ctx.Err() == nil {
					m.become(m.state, err.Error())
				}
			})
		})
		k.post(func(k *keeper) {
			if ctx.Err() == nil && at != "" {
				m.passed(at)
				k.dirty, k.urgent = true, true
			}
		})
	})
}

// passed lets the member serve.
func (m *member) passed(address string) { m.phase, m.address, m.fresh = serving, address, true }

// recheck begins the first checks anew, where there are any: settings have changed.
func (k *keeper) recheck() {
	for _, p := range k.pools {
		for _, m := range p.members {
			if m.phase == checking {
				k.startChecks(p, m)
			}
		}
	}
}

// distrust begins first checks for members that HAProxy has lost, or has been
// started without because they were down: no check of its own speaks for them.
func (k *keeper) distrust(seen sight) {
	for _, p := range k.pools {
		for _, m := range p.members {
			row, there := seen.servers[serverKey{p.backend, m.server()}]
			if m.phase == serving && !m.fresh && (!there || out(row)) {
				k.startChecks(p, m)
			}
		}
	}
}

// firstChecks asks a member until it answers well, and gives the ip:port that
// did; empty when ctx ends before. failed hears of each failure.
func firstChecks(ctx context.Context, address string, want stoker.HealthCheck, failed func(error)) string {
	client := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	defer client.CloseIdleConnections()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for wait := probeFirst; ; wait = min(wait*3/2, probeLast) {
		select {
		case <-ctx.Done():
			return ""
		case <-timer.C:
		}
		at, err := probe(ctx, client, address, want)
		if err == nil {
			return at
		}
		if ctx.Err() != nil {
			return ""
		}
		failed(err)
		timer.Reset(wait)
	}
}

// probe asks the member once; the error says what was asked and what came.
func probe(ctx context.Context, client http.RoundTripper, address string, want stoker.HealthCheck) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, want.Timeout)
	defer cancel()
	at, err := resolve(ctx, address)
	if err != nil || want.Protocol == "" {
		return at, err
	}
	if want.Protocol == stoker.ProtocolTCP {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", at)
		if err != nil {
			return "", err
		}
		return at, c.Close()
	}
	return at, probeHTTP(ctx, client, at, want)
}

// numeric tells whether an address needs no resolving.
func numeric(address string) bool {
	_, err := netip.ParseAddrPort(address)
	return err == nil
}

// resolve finds the address for HAProxy, which takes no names for new servers.
func resolve(ctx context.Context, address string) (string, error) {
	if a, err := netip.ParseAddrPort(address); err == nil {
		return a.String(), nil
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return "", err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", err
	}
	return netip.AddrPortFrom(ips[0].Unmap(), uint16(port)).String(), nil
}

func probeHTTP(ctx context.Context, client http.RoundTripper, at string, want stoker.HealthCheck) error {
	u, err := url.ParseRequestURI(want.Path)
	if err != nil {
		return fmt.Errorf("health check path %q: %w", want.Path, err)
	}
	u.Scheme, u.Host = "http", at
	req := (&http.Request{
		Method: http.MethodGet, URL: u, Host: checkHost, Header: http.Header{"User-Agent": {checkAgent}},
	}).WithContext(ctx)
	resp, err := client.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("GET %s: %w", u, err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4096) // lets the member finish its line
	if !accepted(resp.StatusCode, want.Status) {
		return fmt.Errorf("GET %s: %s", u, resp.Status)
	}
	return nil
}

func accepted(status int, want []int) bool {
	if len(want) == 0 {
		return status >= 200 && status < 400
	}
	return slices.Contains(want, status)
}
