package builtin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// front is the handler of an HTTP listener.
type front struct {
	pool     *pool
	listener *listener
	secure   bool // clients speak TLS
}

// ServeHTTP brings one request to a member and its answer back.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if ps := f.listener.policies.Load(); ps != nil {
		if chosen := choose(*ps, r); chosen != nil {
			f.obey(chosen, w, r)
			return
		}
	}
	f.serve(f.pool, w, r)
}

// serve lets a pool answer a request.
func (f *front) serve(p *pool, w http.ResponseWriter, r *http.Request) {
	x := exchange{pool: p, settings: p.settings.Load(), secure: f.secure, w: w, in: r}
	meter, start := p.begin()
	defer func() { p.finish(meter, start, x.outcome) }()
	x.run(start)
}

// An exchange is one request on its way.
type exchange struct {
	pool     *pool
	settings *stoker.Pool
	secure   bool
	w        http.ResponseWriter
	in       *http.Request
	out      *http.Request
	body     *onceBody // of out; nil when it has none
	cookie   string    // sticky: what the client brought
	tried    []*member
	outcome  outcome // as the pool counts it
}

func (x *exchange) run(start time.Duration) {
	if x.in.Method == http.MethodConnect {
		x.refuse(http.StatusMethodNotAllowed, "this is not a forward proxy")
		return
	}
	x.prepare()
	if x.body != nil {
		defer x.body.end()
		// The member decides when to answer: net/http must not swallow the rest
		// of the body by then. HTTP/2 says that it cannot; it never does.
		_ = http.NewResponseController(x.w).EnableFullDuplex()
	}
	for {
		m, begun, err := x.pool.acquire(x.in.Context(), x.settings, x.cookie, x.tried)
		if err != nil {
			x.fail(err)
			return
		}
		if x.attempt(m, max(begun, start)) {
			return
		}
	}
}

// attempt lets one member answer; false to go on with another one.
func (x *exchange) attempt(m *member, start time.Duration) (done bool) {
	var o outcome // as the member counts it
	defer func() { m.finish(start, x.pool.now(), o) }()
	resp, err := m.roundTrip(x.out)
	switch {
	case err == nil:
		o.failed = resp.StatusCode >= 500
		x.outcome.failed = o.failed
		x.answer(m, resp, &o)
		return true
	case x.in.Context().Err() != nil: // the client has left
		return true
	}
	o.failed = true
	if x.mayRetry(err) {
		o.retries++
		x.outcome.retries++
		x.tried = append(x.tried, m)
		return false
	}
	x.fail(err)
	return true
}

// mayRetry tells whether another member may be asked: the connection was never
// made, and the request has not been read from the client, or is idempotent and
// has no body.
func (x *exchange) mayRetry(err error) bool {
	var dial *dialError
	if !errors.As(err, &dial) || x.outcome.retries >= x.settings.Retries {
		return false
	}
	return x.body == nil || x.body.untouched()
}

var errNoMember = errors.New("no member is up")

// acquire gives a member with the request counted in, and when that was. While
// nobody is up but members that could not be reached, it waits, at most the pool's
// QueueTimeout: the only member may have died and be on its way back.
func (p *pool) acquire(ctx context.Context, s *stoker.Pool, cookie string, tried []*member) (*member, time.Duration, error) {
	var deadline <-chan time.Time
	for {
		r := p.roster.Load()
		if m := p.choose(r, cookie, tried); m != nil {
			if now := p.now(); m.begin(now) {
				return m, now, nil
			}
			continue // it left just now: there is a newer roster
		}
		if s.QueueTimeout == 0 {
			return nil, 0, errNoMember
		}
		if deadline == nil {
			t := time.NewTimer(s.QueueTimeout)
			defer t.Stop()
			deadline = t.C
			p.queued.Add(1)
			defer p.queued.Add(-1)
		}
		select {
		case <-r.replaced:
			tried = p.roster.Load().still(tried)
		case <-deadline:
			return nil, 0, errNoMember
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		case <-p.ctx.Done():
			return nil, 0, errNoMember
		}
	}
}

func (p *pool) choose(r *roster, cookie string, tried []*member) *member {
	if cookie != "" {
		if m := r.byCookie[cookie]; m != nil && !slices.Contains(tried, m) {
			return m
		}
	}
	return r.pick(p.turn.Add(1), tried)
}

// fail answers a request that no member has answered.
func (x *exchange) fail(err error) {
	switch {
	case x.in.Context().Err() != nil:
		return // nobody listens
	case errors.Is(err, errNoMember):
		x.w.Header().Set("Retry-After", "1")
		x.refuse(http.StatusServiceUnavailable, "no server is ready, try again soon")
	case isTimeout(err):
		x.refuse(http.StatusGatewayTimeout, "the server took too long")
	default:
		x.refuse(http.StatusBadGateway, "the server did not answer")
	}
}

// refuse answers in the balancer's own name.
func (x *exchange) refuse(status int, text string) {
	x.outcome.failed = status >= 500
	reject(x.w, status, text)
}

func reject(w http.ResponseWriter, status int, text string) {
	http.Error(w, http.StatusText(status)+": "+text, status)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
