package builtin

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// serveTCP accepts connections until the listener is closed.
func (l *listener) serveTCP() error {
	for {
		c, err := l.ln.Accept()
		switch {
		case err == nil:
			l.pool.wg.Go(func() { l.pool.serveConn(c.(*net.TCPConn)) })
		case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED):
			l.breathe()
		default:
			return err
		}
	}
}

// breathe waits until files may be free again.
func (l *listener) breathe() {
	t := time.NewTimer(20 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.pool.ctx.Done():
	}
}

// serveConn brings one connection to a member.
func (p *pool) serveConn(client *net.TCPConn) {
	defer client.Close()
	meter, start := p.begin()
	var o outcome
	defer func() { p.finish(meter, start, o) }()
	s := p.settings.Load()
	var tried []*member
	for {
		m, begun, err := p.acquire(p.ctx, s, "", tried)
		if err != nil {
			o.failed = true
			return
		}
		last := o.retries >= s.Retries
		if p.join(client, m, begun, last) {
			return
		}
		if last {
			o.failed = true
			return
		}
		o.retries++
		tried = append(tried, m)
	}
}

// join connects client and member until both have ended; false if the member
// could not be reached. last tells that no other will be tried.
func (p *pool) join(client *net.TCPConn, m *member, start time.Duration, last bool) bool {
	var o outcome
	defer func() { m.finish(start, p.now(), o) }()
	back, err := m.dial(p.ctx)
	if err != nil {
		o.failed = true
		if !last {
			o.retries = 1
		}
		return false
	}
	m.tunnel(client, back)
	return true
}
