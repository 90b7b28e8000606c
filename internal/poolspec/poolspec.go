// Package poolspec checks what balancers are asked for and fills in the defaults
// that the root package promises, so that all refuse the same mistakes in the
// same words. It looks at values only: whether an address is free or a
// certificate is good, each balancer finds out itself. It starts no goroutine.
package poolspec

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

// Rules are where one balancer differs from the others. They may be used from
// any goroutine.
type Rules struct {
	// Cookie holds what the name of a cookie cannot have although RFC 9110 lets
	// it; empty: nothing.
	Cookie string
	// Path checks the path of a health check, which is never empty. It is
	// required.
	Path func(path string) error
	// Health checks what else is special about a health check; nil: nothing.
	Health func(h stoker.HealthCheck) error
	// Zones says that a listener's address may have an IPv6 zone.
	Zones bool
	// Listener checks listener i of a pool against those before it, which are
	// right; nil: all go together.
	Listener func(listeners []stoker.Listener, i int) error
	// MaxWeight bounds a member's weight; 0: no bound.
	MaxWeight int
}

// Pool checks a pool and fills in the defaults. The listeners of the result are
// its own. Errors: Invalid.
func (r Rules) Pool(p stoker.Pool) (stoker.Pool, error) {
	if p.ID == "" {
		return p, stoker.Errorf(stoker.Invalid, "a pool needs an ID")
	}
	if err := r.pool(&p); err != nil {
		return p, fmt.Errorf("pool %q: %w", p.ID, err)
	}
	return p, nil
}

func (r Rules) pool(p *stoker.Pool) error {
	p.Algorithm = cmp.Or(p.Algorithm, stoker.RoundRobin)
	if p.Algorithm != stoker.RoundRobin && p.Algorithm != stoker.LeastConn {
		return stoker.Errorf(stoker.Invalid, "unknown algorithm %q, want %s or %s", p.Algorithm, stoker.RoundRobin, stoker.LeastConn)
	}
	if p.Retries < 0 || p.ConnectTimeout < 0 || p.ResponseTimeout < 0 || p.QueueTimeout < 0 {
		return stoker.Errorf(stoker.Invalid, "retries and timeouts must not be negative")
	}
	if strings.ContainsFunc(p.StickyCookie, notToken) || strings.ContainsAny(p.StickyCookie, r.Cookie) {
		return stoker.Errorf(stoker.Invalid, "%q is not a name for a cookie", p.StickyCookie)
	}
	p.ConnectTimeout = cmp.Or(p.ConnectTimeout, 2*time.Second)
	if err := r.health(&p.Health); err != nil {
		return err
	}
	return r.listeners(p)
}

// notToken tells whether c may not stand in a token of RFC 9110.
func notToken(c rune) bool {
	return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
}

func (r Rules) health(h *stoker.HealthCheck) error {
	switch h.Protocol {
	case "", stoker.ProtocolTCP, stoker.ProtocolHTTP:
	default:
		return stoker.Errorf(stoker.Invalid, "unknown health check %q, want http, tcp or none", h.Protocol)
	}
	h.Path = cmp.Or(h.Path, "/")
	if err := r.Path(h.Path); err != nil {
		return err
	}
	if h.Interval < 0 || h.Timeout < 0 || h.Rise < 0 || h.Fall < 0 {
		return stoker.Errorf(stoker.Invalid, "interval, timeout, rise and fall of a health check must not be negative")
	}
	if r.Health != nil {
		if err := r.Health(*h); err != nil {
			return err
		}
	}
	h.Interval = cmp.Or(h.Interval, time.Second)
	h.Timeout = cmp.Or(h.Timeout, time.Second)
	h.Rise = cmp.Or(h.Rise, 1)
	h.Fall = cmp.Or(h.Fall, 3)
	return nil
}

func (r Rules) listeners(p *stoker.Pool) error {
	p.Listeners = slices.Clone(p.Listeners)
	seen := map[string]bool{}
	for i := range p.Listeners {
		l := &p.Listeners[i]
		if err := r.listener(l); err != nil {
			return fmt.Errorf("listener %d: %w", i, err)
		}
		if r.Listener != nil {
			if err := r.Listener(p.Listeners, i); err != nil {
				return err
			}
		}
		at := net.JoinHostPort(l.Address, strconv.Itoa(l.Port))
		if l.Port != 0 && seen[at] {
			return stoker.Errorf(stoker.Invalid, "listener %d: %s is there twice", i, at)
		}
		seen[at] = true
	}
	return nil
}

func (r Rules) listener(l *stoker.Listener) error {
	switch l.Protocol {
	case stoker.ProtocolHTTP, stoker.ProtocolHTTPS, stoker.ProtocolTCP:
	default:
		return stoker.Errorf(stoker.Invalid, "unknown protocol %q, want http, https or tcp", l.Protocol)
	}
	l.Address = cmp.Or(l.Address, "127.0.0.1")
	ip, err := netip.ParseAddr(l.Address)
	if err != nil || ip.Zone() != "" && !r.Zones {
		return stoker.Errorf(stoker.Invalid, "%q is not an IP address", l.Address)
	}
	l.Address = ip.String()
	if l.Port < 0 || l.Port > 65535 {
		return stoker.Errorf(stoker.Invalid, "port %d is not between 0 and 65535", l.Port)
	}
	if l.Protocol != stoker.ProtocolHTTPS && l.Certificate+l.Key != "" {
		return stoker.Errorf(stoker.Invalid, "a certificate needs protocol https, not %s", l.Protocol)
	}
	l.Policies, err = Policies(*l)
	return err
}

// Member checks a member and fills in the defaults. Errors: Invalid.
func (r Rules) Member(m stoker.Member) (stoker.Member, error) {
	m.Weight = cmp.Or(m.Weight, 1)
	if m.ID == "" {
		return m, stoker.Errorf(stoker.Invalid, "a member needs an ID")
	}
	if err := r.weight(m); err != nil {
		return m, err
	}
	host, port, err := net.SplitHostPort(m.Address)
	if err != nil || host == "" || port == "" {
		return m, stoker.Errorf(stoker.Invalid, "member %q: address %q is not host:port", m.ID, m.Address)
	}
	return m, nil
}

func (r Rules) weight(m stoker.Member) error {
	switch {
	case r.MaxWeight == 0 && m.Weight < 0:
		return stoker.Errorf(stoker.Invalid, "member %q: weight %d is negative", m.ID, m.Weight)
	case r.MaxWeight > 0 && (m.Weight < 0 || m.Weight > r.MaxWeight):
		return stoker.Errorf(stoker.Invalid, "member %q: weight %d is not between 1 and %d", m.ID, m.Weight, r.MaxWeight)
	}
	return nil
}
