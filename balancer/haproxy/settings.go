package haproxy

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

// normal checks a pool and fills in the defaults.
func normal(p stoker.Pool) (stoker.Pool, error) {
	if p.ID == "" {
		return p, stoker.Errorf(stoker.Invalid, "a pool needs an ID")
	}
	if err := normalize(&p); err != nil {
		return p, fmt.Errorf("pool %q: %w", p.ID, err)
	}
	return p, nil
}

func normalize(p *stoker.Pool) error {
	p.Algorithm = cmp.Or(p.Algorithm, stoker.RoundRobin)
	if p.Algorithm != stoker.RoundRobin && p.Algorithm != stoker.LeastConn {
		return stoker.Errorf(stoker.Invalid, "unknown algorithm %q, want %s or %s", p.Algorithm, stoker.RoundRobin, stoker.LeastConn)
	}
	if p.Retries < 0 || p.ConnectTimeout < 0 || p.ResponseTimeout < 0 || p.QueueTimeout < 0 {
		return stoker.Errorf(stoker.Invalid, "retries and timeouts must not be negative")
	}
	if strings.ContainsFunc(p.StickyCookie, notToken) {
		return stoker.Errorf(stoker.Invalid, "%q is not a name for a cookie", p.StickyCookie)
	}
	p.ConnectTimeout = cmp.Or(p.ConnectTimeout, 2*time.Second)
	if err := normalHealth(&p.Health); err != nil {
		return err
	}
	return normalListeners(p)
}

// notToken tells whether r may not stand in a token of RFC 9110, or would mean
// something to HAProxy.
func notToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"(),/:;<=>?@[\\]{}'#$%", r)
}

// notPath tells whether r cannot stand in a health check's path as it is.
func notPath(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"'\#%`, r)
}

func normalHealth(h *stoker.HealthCheck) error {
	switch h.Protocol {
	case "", stoker.ProtocolTCP, stoker.ProtocolHTTP:
	default:
		return stoker.Errorf(stoker.Invalid, "unknown health check %q, want http, tcp or none", h.Protocol)
	}
	h.Path = cmp.Or(h.Path, "/")
	if !strings.HasPrefix(h.Path, "/") || strings.ContainsFunc(strings.ReplaceAll(h.Path, "%", ""), notPath) {
		return stoker.Errorf(stoker.Invalid, "health check path %q must start with / and hold no spaces, quotes, # or \\", h.Path)
	}
	if h.Interval < 0 || h.Timeout < 0 || h.Rise < 0 || h.Fall < 0 {
		return stoker.Errorf(stoker.Invalid, "interval, timeout, rise and fall of a health check must not be negative")
	}
	if slices.ContainsFunc(h.Status, func(s int) bool { return s < 100 || s > 599 }) {
		return stoker.Errorf(stoker.Invalid, "a health check cannot accept the statuses %v, want 100 to 599", h.Status)
	}
	h.Interval = cmp.Or(h.Interval, time.Second)
	h.Timeout = cmp.Or(h.Timeout, time.Second)
	h.Rise = cmp.Or(h.Rise, 1)
	h.Fall = cmp.Or(h.Fall, 3)
	return nil
}

func normalListeners(p *stoker.Pool) error {
	p.Listeners = slices.Clone(p.Listeners)
	seen := map[string]bool{}
	for i := range p.Listeners {
		l := &p.Listeners[i]
		if err := normalListener(l); err != nil {
			return fmt.Errorf("listener %d: %w", i, err)
		}
		if tcp(*l) != tcp(p.Listeners[0]) {
			return &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("listener %d: HAProxy cannot mix tcp and http in one pool", i),
				Hint: "Make a pool for each, with the same servers."}
		}
		at := hostPort(*l)
		if l.Port != 0 && seen[at] {
			return stoker.Errorf(stoker.Invalid, "listener %d: %s is there twice", i, at)
		}
		seen[at] = true
	}
	return nil
}

func tcp(l stoker.Listener) bool { return l.Protocol == stoker.ProtocolTCP }

// mode is how HAProxy treats the pool's connections.
func mode(p stoker.Pool) string {
	if len(p.Listeners) > 0 && tcp(p.Listeners[0]) {
		return "tcp"
	}
	return "http"
}

func normalListener(l *stoker.Listener) error {
	switch l.Protocol {
	case stoker.ProtocolHTTP, stoker.ProtocolHTTPS, stoker.ProtocolTCP:
	default:
		return stoker.Errorf(stoker.Invalid, "unknown protocol %q, want http, https or tcp", l.Protocol)
	}
	l.Address = cmp.Or(l.Address, "127.0.0.1")
	ip, err := netip.ParseAddr(l.Address)
	if err != nil || ip.Zone() != "" {
		return stoker.Errorf(stoker.Invalid, "%q is not an IP address", l.Address)
	}
	l.Address = ip.String()
	if l.Port < 0 || l.Port > 65535 {
		return stoker.Errorf(stoker.Invalid, "port %d is not between 0 and 65535", l.Port)
	}
	if l.Protocol != stoker.ProtocolHTTPS && l.Certificate+l.Key != "" {
		return stoker.Errorf(stoker.Invalid, "a certificate needs protocol https, not %s", l.Protocol)
	}
	return nil
}

// maxWeight is HAProxy's.
const maxWeight = 256

// normalMember checks a member and fills in the defaults.
func normalMember(m stoker.Member) (stoker.Member, error) {
	m.Weight = cmp.Or(m.Weight, 1)
	if m.ID == "" {
		return m, stoker.Errorf(stoker.Invalid, "a member needs an ID")
	}
	if m.Weight < 0 || m.Weight > maxWeight {
		return m, stoker.Errorf(stoker.Invalid, "member %q: weight %d is not between 1 and %d", m.ID, m.Weight, maxWeight)
	}
	host, port, err := net.SplitHostPort(m.Address)
	if err != nil || host == "" || port == "" {
		return m, stoker.Errorf(stoker.Invalid, "member %q: address %q is not host:port", m.ID, m.Address)
	}
	return m, nil
}

func hostPort(l stoker.Listener) string { return net.JoinHostPort(l.Address, strconv.Itoa(l.Port)) }
