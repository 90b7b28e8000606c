package scale

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// run writes until quiet is closed, and then what is left, once.
func (j *journal) run(quiet <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-j.wake:
		case now := <-tick.C:
			j.overdue(now)
		case <-quiet:
			j.last()
			return
		}
		for j.write() {
		}
		if j.isBroken() && !wait(quiet, storeRetry) {
			j.last()
			return
		}
	}
}

// last writes everything that the store does not have, folded decisions too.
func (j *journal) last() {
	j.mu.Lock()
	for _, r := range j.open {
		if r.version != r.saved {
			j.enqueue(r)
		}
	}
	j.mu.Unlock()
	for j.write() {
	}
}

func wait(quiet <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-quiet:
		return false
	}
}

func (j *journal) isBroken() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.broken != nil
}

// batch is what one write takes: copies, since scalers go on folding.
type batch struct {
	rows      []*row
	versions  []int
	decisions []*stoker.Decision
	states    []stoker.ScalerState
	waiters   []chan error
}

// write writes one batch. True: it went well, and there is more.
func (j *journal) write() bool {
	j.writing <- struct{}{}
	defer func() { <-j.writing }()
	b := j.take()
	if len(b.decisions)+len(b.states) == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	err := j.store.SaveDecisions(ctx, b.decisions, b.states)
	if err != nil {
		j.log.Error("write decisions: raising goes on, lowering waits", "decisions", len(b.decisions), "err", err)
	}
	return j.done(b, err) && err == nil
}

func (j *journal) take() batch {
	j.mu.Lock()
	defer j.mu.Unlock()
	var b batch
	rows := j.again
	if j.again = nil; len(rows) == 0 {
		n := min(len(j.queue), batchSize)
		rows, j.queue = j.queue[:n:n], j.queue[n:]
	}
	for _, r := range rows {
		r.queued, r.written = false, time.Now()
		d := r.d
		b.rows, b.versions, b.decisions = append(b.rows, r), append(b.versions, r.version), append(b.decisions, &d)
		b.waiters = append(b.waiters, r.waiters...)
		r.waiters = nil
	}
	j.flying = b.rows
	b.states = slices.Collect(maps.Values(j.states))
	clear(j.states)
	return b
}

// done settles a batch; a failed one is to be tried again first. True: there is more.
func (j *journal) done(b batch, err error) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broken, j.flying = err, nil
	if err != nil {
		j.putBack(b)
	} else {
		for i, r := range b.rows {
			r.d.Seq, r.saved = b.decisions[i].Seq, b.versions[i]
		}
		if j.lost > 0 {
			j.log.Warn("decisions were lost while the store was down", "lost", j.lost)
			j.lost = 0
		}
	}
	for _, w := range b.waiters {
		w <- err // buffered, and told once
	}
	return len(j.again)+len(j.queue) > 0
}

// putBack keeps a batch for the next try, without overtaking newer states.
func (j *journal) putBack(b batch) {
	for _, r := range b.rows {
		if !r.queued { // by now again
			r.queued = true
			j.again = append(j.again, r)
		}
	}
	for _, st := range b.states {
		if _, newer := j.states[st.Scaler]; !newer {
			j.states[st.Scaler] = st
		}
	}
}

// decisions gives those of the store, brought up to date. What is on its way is
// looked at first: what arrives in between is then seen twice, not never.
func (j *journal) decisions(ctx context.Context, f stoker.DecisionFilter) ([]*stoker.Decision, error) {
	fresh := j.fresh(f)
	stored, err := j.store.Decisions(ctx, f)
	if err != nil {
		return nil, err
	}
	for _, d := range stored {
		k := keyOf(d)
		if n, ok := fresh[k]; !ok || n.Count < d.Count {
			fresh[k] = d
		} else if n.Seq == 0 {
			n.Seq = d.Seq
		}
	}
	all := slices.SortedFunc(maps.Values(fresh), func(a, b *stoker.Decision) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Scaler, b.Scaler))
	})
	if f.Limit > 0 && len(all) > f.Limit {
		all = all[len(all)-f.Limit:]
	}
	return all, nil
}

// key tells decisions apart: a scaler makes one at a time. Stores may keep
// microseconds only.
type key struct {
	scaler stoker.ScalerID
	at     int64
}

func keyOf(d *stoker.Decision) key { return key{d.Scaler, d.Time.UnixMicro()} }

func (j *journal) fresh(f stoker.DecisionFilter) map[key]*stoker.Decision {
	j.mu.Lock()
	defer j.mu.Unlock()
	fresh := map[key]*stoker.Decision{}
	add := func(r *row) {
		if r.version != r.saved && matches(f, &r.d) {
			d := r.d
			fresh[keyOf(&d)] = &d
		}
	}
	for _, r := range slices.Concat(j.flying, j.again, j.queue) {
		add(r)
	}
	if f.Scaler != "" {
		if r := j.open[f.Scaler]; r != nil {
			add(r)
		}
		return fresh
	}
	for _, r := range j.open {
		add(r)
	}
	return fresh
}

func matches(f stoker.DecisionFilter, d *stoker.Decision) bool {
	return (f.Group == "" || f.Group == d.Group) &&
		(f.Scaler == "" || f.Scaler == d.Scaler) &&
		!d.LastTime.Before(f.Since) &&
		(!f.Changes || d.From != d.To)
}
