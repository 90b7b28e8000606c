package haproxy

import (
	"context"
	"errors"
	"net"
	"slices"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/listen"
)

// claim gives every listener of a pool its port, and sees that new addresses are
// free. p holds the listeners it has in HAProxy now in k.pools.
func (k *keeper) claim(p *pool) error {
	var has []stoker.Listener
	var asked []int
	if before := k.pools[p.want.ID]; before != nil {
		has, asked = before.want.Listeners, before.asked
	}
	p.asked = nil
	for _, l := range p.want.Listeners {
		p.asked = append(p.asked, l.Port)
	}
	p.want.Listeners = match(has, asked, p.want.Listeners)
	if err := k.taken(p); err != nil {
		return err
	}
	return k.open(p.want.Listeners)
}

// match gives listeners that leave the port to us the one they had: that of
// the next one of their kind whose port was chosen, unless another asks for it.
func match(has []stoker.Listener, asked []int, want []stoker.Listener) []stoker.Listener {
	want = slices.Clone(want)
	free := slices.Clone(has)
	kept := slices.Clone(asked)
	take := func(w *stoker.Listener, chosen bool) {
		for i, h := range free {
			if h.Protocol == w.Protocol && h.Address == w.Address && (chosen && kept[i] == 0 || h.Port == w.Port) {
				w.Port = h.Port
				free, kept = slices.Delete(free, i, i+1), slices.Delete(kept, i, i+1)
				return
			}
		}
	}
	for i := range want {
		if want[i].Port != 0 {
			take(&want[i], false)
		}
	}
	for i := range want {
		if want[i].Port == 0 {
			take(&want[i], true)
		}
	}
	return want
}

// open tries all addresses that HAProxy does not have yet, and fills in ports
// that are left to us. All are held until the last one is known; then
// they are let go for HAProxy.
func (k *keeper) open(listeners []stoker.Listener) error {
	has := k.addresses()
	for i := range listeners {
		l := &listeners[i]
		at := hostPort(*l)
		if has[at] && l.Port != 0 {
			continue
		}
		ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", at)
		if err != nil {
			return listen.Error(at, err)
		}
		defer ln.Close()
		l.Port = ln.Addr().(*net.TCPAddr).Port
	}
	return nil
}

// addresses are those that HAProxy listens on.
func (k *keeper) addresses() map[string]bool {
	has := map[string]bool{}
	if k.applied == "" {
		return has
	}
	for _, p := range k.pools {
		for _, l := range p.want.Listeners {
			has[hostPort(l)] = true
		}
	}
	return has
}

// mayBeStolen tells whether an error of HAProxy can be that a port was taken after we
// had chosen it: only at its start HAProxy says so.
func (k *keeper) mayBeStolen(p *pool, err error) bool {
	if !stoker.IsKind(err, stoker.Conflict) && !errors.Is(err, errNotLoaded) {
		return false
	}
	has := k.addresses()
	for i, l := range p.want.Listeners {
		if p.asked[i] == 0 && !has[hostPort(l)] {
			return true
		}
	}
	return false
}

// taken tells which other pool has one of the addresses.
func (k *keeper) taken(p *pool) error {
	for _, l := range p.want.Listeners {
		for id, other := range k.pools {
			has := func(o stoker.Listener) bool { return o.Port == l.Port && o.Address == l.Address }
			if id != p.want.ID && l.Port != 0 && slices.ContainsFunc(other.want.Listeners, has) {
				return stoker.Errorf(stoker.Conflict, "listen on %s: pool %q has that address", hostPort(l), id)
			}
		}
	}
	return nil
}
