package app

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/api/metadata"
	"github.com/stoker-project/stoker/driver/docker"
)

// metadataAddress is where servers of all clouds ask what they are.
var metadataAddress = netip.MustParseAddrPort("169.254.169.254:80")

// inside is what servers find inside of themselves: their metadata, and at the
// address of signals, where that is one of this machine's loopback, a door to them.
func inside(c Config, api http.Handler) []docker.Inside {
	out := []docker.Inside{{Address: metadataAddress, Serve: func(get func(context.Context) (stoker.Instance, error)) http.Handler {
		return metadata.New(get, c.Logger)
	}}}
	if at, ok := loopbackURL(c.PublicURL); ok {
		out = append(out, docker.Inside{Address: at, Yields: true, Serve: func(func(context.Context) (stoker.Instance, error)) http.Handler {
			return signalsOnly(api)
		}})
	}
	return out
}

// loopbackURL is where an address of HTTP is, if that is on loopback.
func loopbackURL(base string) (netip.AddrPort, bool) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" || !loopback(u.Hostname()) {
		return netip.AddrPort{}, false
	}
	host, port := u.Hostname(), u.Port()
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = "80"
	}
	at, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	return at, err == nil
}

// signalsOnly lets through what servers have to tell: signals to resources. Whoever
// runs in a server reaches nothing else of the API.
func signalsOnly(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isSignal(r) {
			http.Error(w, "servers may only send signals here", http.StatusForbidden)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// isSignal knows the addresses that templates hand to servers: signed ones, and that
// of a resource, which wants a token.
func isSignal(r *http.Request) bool {
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		return false
	}
	steps := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	for k, s := range steps {
		step, err := url.PathUnescape(s)
		if err != nil || step == "" || step == "." || step == ".." {
			return false
		}
		steps[k] = step
	}
	switch {
	case len(steps) < 3 || steps[0] != "v1":
		return false
	case steps[1] == "signal" || steps[1] == "waitcondition":
		return strings.HasPrefix(steps[2], "arn:")
	}
	if slices.ContainsFunc(steps, func(step string) bool { return strings.Contains(step, "/") }) {
		return false
	}
	const project, name, id, resource = 1, 3, 4, 6
	for _, k := range []int{resource, id, name, project} {
		if k < len(steps) {
			steps[k] = "*"
		}
	}
	return r.Method == http.MethodPost && slices.Equal(steps, []string{"v1", "*", "stacks", "*", "*", "resources", "*", "signal"})
}

// late is a handler that others need before it is there. Until it is set, it says
// that it is not ready.
type late struct {
	handler atomic.Pointer[http.Handler]
}

func (l *late) set(h http.Handler) { l.handler.Store(&h) }

func (l *late) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := l.handler.Load()
	if h == nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "not ready yet", http.StatusServiceUnavailable)
		return
	}
	(*h).ServeHTTP(w, r)
}
