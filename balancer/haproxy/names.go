package haproxy

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/stoker-project/stoker"
)

// A pool named flask has "backend flask_backend" and "frontend flask_frontend".
const (
	backendEnd  = "_backend"
	frontendEnd = "_frontend"
)

// plainName is a pool's name that can stand in HAProxy's configuration as it is.
var plainName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,60}$`)

// madeName is what madeUp gives: a plain name that looks like it could be another
// pool's.
var madeName = regexp.MustCompile(`\.[0-9a-f]{8}$`)

// backendName names a new pool's backend after the pool, or where that cannot be, or
// another has the name, after its name and ID. It is kept for the pool's life.
func backendName(p stoker.Pool, others map[stoker.PoolID]*pool) string {
	if plainName.MatchString(p.Name) && !madeName.MatchString(p.Name) && !taken(p.Name+backendEnd, others) {
		return p.Name + backendEnd
	}
	return madeUp(p) + backendEnd
}

func taken(backend string, others map[stoker.PoolID]*pool) bool {
	for _, o := range others {
		if o.backend == backend {
			return true
		}
	}
	return false
}

// madeUp tells the pool's name to people who look at HAProxy, and its ID to us.
func madeUp(p stoker.Pool) string {
	name := p.Name
	if name == "" {
		name = string(p.ID)
	}
	readable := strings.Map(func(r rune) rune {
		if r < 0x80 && nameByte(byte(r)) {
			return r
		}
		return '-'
	}, name)
	return readable[:min(len(readable), 60)] + "." + hash(string(p.ID))
}

// frontendName names a listener of a pool; with others beside it, where it listens
// is part of the name.
func frontendName(p *pool, l stoker.Listener) string {
	name := strings.TrimSuffix(p.backend, backendEnd) + frontendEnd
	if len(p.want.Listeners) == 1 {
		return name
	}
	return fmt.Sprintf("%s:%s:%s:%d", name, l.Protocol, l.Address, l.Port)
}
