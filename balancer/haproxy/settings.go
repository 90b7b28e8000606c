package haproxy

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/poolspec"
)

// rules are what HAProxy can do of what it may be asked for.
var rules = poolspec.Rules{
	Cookie:    `'#$%`, // they mean something to HAProxy
	Path:      checkPath,
	Health:    checkHealth,
	Listener:  checkMode,
	MaxWeight: 256,
}

func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, notPath) {
		return stoker.Errorf(stoker.Invalid, "health check path %q must start with / and hold no spaces, quotes, # or \\", path)
	}
	return nil
}

// notPath tells whether r cannot stand in a health check's path.
func notPath(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"'\#`, r)
}

func checkHealth(h stoker.HealthCheck) error {
	if slices.ContainsFunc(h.Status, func(s int) bool { return s < 100 || s > 599 }) {
		return stoker.Errorf(stoker.Invalid, "a health check cannot accept the statuses %v, want 100 to 599", h.Status)
	}
	return nil
}

func checkMode(listeners []stoker.Listener, i int) error {
	if tcp(listeners[i]) != tcp(listeners[0]) {
		return &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("listener %d: HAProxy cannot mix tcp and http in one pool", i),
			Hint: "Make a pool for each, with the same servers."}
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

func hostPort(l stoker.Listener) string { return net.JoinHostPort(l.Address, strconv.Itoa(l.Port)) }
