package builtin

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/listen"
)

// A listener is one open address of a pool.
type listener struct {
	pool *pool
	want stoker.Listener // as first asked for
	ln   net.Listener
	cert atomic.Pointer[tls.Certificate]
	// policies are those of its HTTP requests; nil: none.
	policies atomic.Pointer[[]policy]
	srv      *http.Server // nil for TCP
	// served is closed when, after stop, no client of srv is left.
	served chan struct{}
}

// listen opens what is wanted and not open yet, and closes what is not wanted
// any more. On an error nothing has changed. Callers hold the balancer's setup.
func (p *pool) listen(want []stoker.Listener) error {
	next, spare := match(p.listeners, want)
	certs := make([]*tls.Certificate, len(want))
	for i, w := range want {
		c, err := p.certificate(w)
		if err != nil {
			return err
		}
		certs[i] = c
	}
	var opened []*listener
	for i, w := range want {
		if next[i] != nil {
			continue
		}
		l, err := p.open(w, spare)
		if err != nil {
			for _, l := range opened {
				l.ln.Close()
			}
			return err
		}
		next[i], opened = l, append(opened, l)
	}
	for i, l := range next {
		l.cert.Store(certs[i])
		l.policies.Store(compile(want[i].Policies))
	}
	for _, l := range opened {
		l.serve()
	}
	for _, l := range spare {
		l.stop()
	}
	p.listeners = next
	return nil
}

// match finds for each wanted listener the open one it means: that of its port,
// or for port 0 the next one whose port was chosen here. spare is what is left.
func match(open []*listener, want []stoker.Listener) (next, spare []*listener) {
	next = make([]*listener, len(want))
	taken := map[*listener]bool{}
	claim := func(i int, fits func(*listener) bool) {
		for _, l := range open {
			same := l.want.Protocol == want[i].Protocol && l.want.Address == want[i].Address
			if next[i] == nil && same && !taken[l] && fits(l) {
				next[i], taken[l] = l, true
			}
		}
	}
	for i, w := range want {
		claim(i, func(l *listener) bool { return w.Port == l.port() })
	}
	for i, w := range want {
		claim(i, func(l *listener) bool { return w.Port == 0 && l.want.Port == 0 })
	}
	for _, l := range open {
		if !taken[l] {
			spare = append(spare, l)
		}
	}
	return next, spare
}

func (p *pool) open(want stoker.Listener, spare []*listener) (*listener, error) {
	at := hostPort(want.Address, want.Port)
	ln, err := socket(at, spare)
	if err != nil {
		return nil, listen.Error(at, err)
	}
	l := &listener{pool: p, want: want, ln: ln, served: make(chan struct{})}
	if want.Protocol != stoker.ProtocolTCP {
		l.srv = p.newServer(l)
	}
	return l, nil
}

// socket opens an address. Where one of spare has it, only the protocol changes:
// the socket stays open, and no client is refused in between.
func socket(at string, spare []*listener) (net.Listener, error) {
	for _, l := range spare {
		if l.ln.Addr().String() != at {
			continue
		}
		f, err := l.ln.(*net.TCPListener).File()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return net.FileListener(f)
	}
	return (&net.ListenConfig{}).Listen(context.Background(), "tcp", at)
}

func (p *pool) newServer(l *listener) *http.Server {
	c := p.b.config
	srv := &http.Server{
		Handler:           &front{pool: p, listener: l, secure: l.want.Protocol == stoker.ProtocolHTTPS},
		ReadHeaderTimeout: c.ReadHeaderTimeout,
		IdleTimeout:       c.IdleTimeout,
		MaxHeaderBytes:    c.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
		Protocols:         &http.Protocols{},
	}
	srv.Protocols.SetHTTP1(true)
	if l.want.Protocol == stoker.ProtocolHTTP {
		srv.Protocols.SetUnencryptedHTTP2(true)
		return srv
	}
	srv.Protocols.SetHTTP2(true)
	srv.TLSConfig = &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return l.cert.Load(), nil
		},
	}
	return srv
}

// serve starts the goroutine that accepts.
func (l *listener) serve() {
	l.pool.wg.Go(func() {
		var err error
		switch l.want.Protocol {
		case stoker.ProtocolTCP:
			err = l.serveTCP()
		case stoker.ProtocolHTTPS:
			err = l.srv.ServeTLS(l.ln, "", "")
		default:
			err = l.srv.Serve(l.ln)
		}
		if !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			l.pool.log.Error("listener ended", "address", l.ln.Addr().String(), "err", err)
		}
	})
}

// stop accepts nothing new. What is there goes on until it ends by itself, or
// the pool does.
func (l *listener) stop() {
	l.ln.Close()
	if l.srv == nil {
		close(l.served)
		return
	}
	l.pool.wg.Go(func() {
		defer close(l.served)
		if l.srv.Shutdown(l.pool.clients) != nil {
			l.srv.Close()
		}
	})
}

func (l *listener) port() int { return l.ln.Addr().(*net.TCPAddr).Port }

// status tells where the pool listens. Callers hold the balancer's setup.
func (p *pool) status() stoker.PoolStatus {
	var s stoker.PoolStatus
	for _, l := range p.listeners {
		s.Addresses = append(s.Addresses, hostPort(l.want.Address, l.port()))
		if l.srv != nil {
			s.URLs = append(s.URLs, l.url())
		}
	}
	return s
}

// url is one that a browser on this machine can open.
func (l *listener) url() string {
	host := l.want.Address
	if net.ParseIP(host).IsUnspecified() {
		host = "localhost"
	}
	return string(l.want.Protocol) + "://" + hostPort(host, l.port())
}

func hostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
