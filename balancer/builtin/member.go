package builtin

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stoker-project/stoker"
)

// A member is one server at one address. When its address changes, another
// member takes its place and inherits traffic and conns, so that counters go on
// and a drain covers both.
type member struct {
	id     stoker.MemberID
	addr   string
	cookie string
	pool   *pool

	traffic *meter
	conns   *connSet
	idle    chan struct{} // told of each request that ends while leaving

	lines     lines // for requests without a body
	transport atomic.Pointer[http.Transport]
	leaving   atomic.Bool  // takes nothing new
	refused   atomic.Int32 // connections in a row that failed

	suspect chan error    // too many refused: the last one
	look    chan struct{} // check now
	gone    chan struct{} // closed when it is not the pool's member any more
	cancel  context.CancelFunc

	// Guarded by pool.mu.
	weight  int
	state   stoker.MemberState
	lastErr error
}

// newMember makes a member and starts its checker. Callers hold p.mu.
func newMember(p *pool, want stoker.Member, before *member) *member {
	m := &member{
		id: want.ID, addr: want.Address, weight: want.Weight,
		cookie: cookieFor(p.id, want.ID), pool: p,
		traffic: &meter{}, conns: &connSet{}, idle: make(chan struct{}, 1),
		suspect: make(chan error, 1), look: make(chan struct{}, 1), gone: make(chan struct{}),
		state: stoker.MemberChecking,
	}
	if before != nil {
		m.traffic, m.idle = before.traffic, before.idle
		if !before.conns.isCut() {
			m.conns = before.conns
		}
	}
	settings := p.settings.Load()
	m.renewTransport(settings)
	if settings.Health.Protocol == "" {
		m.state = stoker.MemberUp
	}
	ctx, cancel := context.WithCancel(p.ctx)
	m.cancel = cancel
	health := health{state: m.state}
	p.wg.Go(func() { m.check(ctx, &health) })
	return m
}

// begin counts a request in, unless the member is leaving. The order matters:
// whoever sets leaving and then sees nobody in flight can be sure that nobody
// comes any more.
func (m *member) begin(now time.Duration) bool {
	m.traffic.begin(now)
	if m.leaving.Load() {
		m.abandon(now)
		return false
	}
	return true
}

// abandon takes back a begin.
func (m *member) abandon(now time.Duration) {
	m.traffic.mu.Lock()
	m.traffic.advance(now)
	m.traffic.inFlight.Add(-1)
	m.traffic.mu.Unlock()
	m.tellIdle()
}

// finish counts a request out.
func (m *member) finish(start, now time.Duration, o outcome) {
	m.traffic.end(start, now, o)
	if m.leaving.Load() {
		m.tellIdle()
	}
}

func (m *member) tellIdle() {
	select {
	case m.idle <- struct{}{}:
	default:
	}
}

// leave sends the member nothing new, stops its checks and closes idle
// connections.
func (m *member) leave() {
	m.leaving.Store(true)
	m.cancel()
	m.lines.close()
	m.transport.Load().CloseIdleConnections()
}

// awaitIdle waits until nothing is in flight.
func (m *member) awaitIdle(ctx context.Context) error {
	for m.traffic.inFlight.Load() > 0 {
		select {
		case <-m.idle:
		case <-m.gone: // another drain was quicker
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// cut breaks off all that is in flight.
func (m *member) cut() {
	m.leave()
	m.conns.closeAll()
}

func (m *member) lookAgain() {
	select {
	case m.look <- struct{}{}:
	default:
	}
}

// connected and refusedOne hear of each attempt to connect.
func (m *member) connected() {
	if m.refused.Load() != 0 {
		m.refused.Store(0)
	}
}

func (m *member) refusedOne(fall int, err error) {
	if m.refused.Add(1) < int32(fall) {
		return
	}
	select {
	case m.suspect <- err:
	default:
	}
}

// renewTransport makes a new set of connections with the settings' bounds; the
// old one goes on with what it has.
func (m *member) renewTransport(s *stoker.Pool) {
	t := &http.Transport{
		DialContext:           func(ctx context.Context, _, _ string) (net.Conn, error) { return m.dialTransport(ctx) },
		DisableCompression:    true,
		MaxIdleConnsPerHost:   maxIdleLines,
		IdleConnTimeout:       idleLineTimeout,
		ResponseHeaderTimeout: s.ResponseTimeout,
		ExpectContinueTimeout: time.Second,
	}
	if old := m.transport.Swap(t); old != nil {
		old.CloseIdleConnections()
	}
}

// dialError tells a failure to connect from all others: nothing was sent yet.
type dialError struct{ error }

func (e *dialError) Unwrap() error { return e.error }

// dial connects to the member within the pool's ConnectTimeout.
func (m *member) dial(ctx context.Context) (*net.TCPConn, error) {
	s := m.pool.settings.Load()
	d := net.Dialer{Timeout: s.ConnectTimeout}
	c, err := d.DialContext(ctx, "tcp", m.addr)
	if err == nil {
		m.connected()
		return c.(*net.TCPConn), nil
	}
	if ctx.Err() == nil {
		m.refusedOne(s.Health.Fall, err)
	}
	return nil, &dialError{err}
}

func (m *member) dialHTTP(ctx context.Context) (*trackedConn, error) {
	c, err := m.dial(ctx)
	if err != nil {
		return nil, err
	}
	t := &trackedConn{TCPConn: c, set: m.conns}
	m.conns.add(t)
	return t, nil
}

// dialTransport is dialHTTP without a typed nil.
func (m *member) dialTransport(ctx context.Context) (net.Conn, error) {
	c, err := m.dialHTTP(ctx)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// trackedConn leaves its set when it is closed.
type trackedConn struct {
	*net.TCPConn
	set  *connSet
	once sync.Once
}

func (c *trackedConn) Close() error {
	c.once.Do(func() { c.set.remove(c) })
	return c.TCPConn.Close()
}

// stats reads the member. Callers hold pool.mu.
func (m *member) stats(now time.Duration) stoker.MemberStats {
	s := stoker.MemberStats{ID: m.id, Address: m.addr, State: m.state, Weight: m.weight}
	if m.lastErr != nil {
		s.LastError = m.lastErr.Error()
	}
	m.traffic.addTo(&s.Traffic, now)
	return s
}
