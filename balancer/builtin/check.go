package builtin

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// check looks after a member's health until ctx ends. It alone owns h.
func (m *member) check(ctx context.Context, h *health) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-m.look:
			timer.Reset(0)
			continue
		case err := <-m.suspect:
			h.suspected()
			m.pool.report(m, h.state, fmt.Errorf("requests could not connect: %w", err))
		case <-timer.C:
			m.checkOnce(ctx, h)
			m.lines.expire(time.Now().Add(-idleLineTimeout))
		}
		wait := h.wait(n, m.pool.settings.Load().Health.Interval)
		timer.Reset(time.Duration(float64(wait) * (0.9 + 0.1*rand.Float64()))) // members spread out
	}
}

// checkOnce makes one active check. Without active checks a member is always
// worth another try.
func (m *member) checkOnce(ctx context.Context, h *health) {
	want := m.pool.settings.Load().Health
	if want.Protocol == "" {
		if h.state != stoker.MemberUp {
			*h = health{state: stoker.MemberUp}
			m.refused.Store(0)
		}
		m.pool.report(m, h.state, nil)
		return
	}
	err := m.probe(ctx, want)
	if ctx.Err() != nil {
		return
	}
	h.checked(err == nil, want.Rise, want.Fall)
	if err == nil {
		m.refused.Store(0)
	}
	m.pool.report(m, h.state, err)
}

// probe asks the member once; the error says what was asked and what came.
func (m *member) probe(ctx context.Context, want stoker.HealthCheck) error {
	ctx, cancel := context.WithTimeout(ctx, want.Timeout)
	defer cancel()
	if want.Protocol == stoker.ProtocolTCP {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.addr)
		if err != nil {
			return err
		}
		return c.Close()
	}
	return probeHTTP(ctx, m.pool.b.probes, m.addr, want)
}

func probeHTTP(ctx context.Context, rt http.RoundTripper, addr string, want stoker.HealthCheck) error {
	path, err := url.ParseRequestURI(want.Path)
	if err != nil {
		return fmt.Errorf("health check path %q: %w", want.Path, err)
	}
	u := *path
	u.Scheme, u.Host = "http", addr
	req := (&http.Request{
		Method: http.MethodGet, URL: &u, Host: addr,
		Header: http.Header{"User-Agent": {"stoker-health"}, "Accept": {"*/*"}},
	}).WithContext(ctx)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("GET %s: %w", &u, err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4096) // lets the member finish its line
	if !accepted(resp.StatusCode, want.Status) {
		return fmt.Errorf("GET %s: %s", &u, resp.Status)
	}
	return nil
}

func accepted(status int, want []int) bool {
	if len(want) == 0 {
		return status >= 200 && status < 400
	}
	return slices.Contains(want, status)
}

// newProbeTransport makes one that connects anew each time: a check must see
// whether the member still accepts.
func newProbeTransport() *http.Transport {
	return &http.Transport{DisableKeepAlives: true, DisableCompression: true}
}
