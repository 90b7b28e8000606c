package haproxy

import (
	"context"
	"log/slog"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

// keeper owns the pools and alone speaks to HAProxy. Between two cycles its
// state is what is wanted and what was last seen; each cycle reads HAProxy,
// plans, and acts until nothing is left to do.
type keeper struct {
	life   context.Context // of the goroutines that it starts
	config Config
	log    *slog.Logger
	jobs   <-chan *job
	post   func(func(*keeper)) // hands a job in, for goroutines of ours
	spawn  func(func())        // starts one of them

	host    *host // the HAProxy that we run; nil when attached
	build   build // what it can do
	worker  haproxysock.Client
	pools   map[stoker.PoolID]*pool
	secret  string // of sticky cookies
	applied string // the layout that HAProxy has; empty: not known
	halted  bool   // stopped on purpose until the next SetPool
	dirty   bool   // the record on disk is behind
	urgent  bool   // a quiet job has left something to do

	pid     int                   // of the worker last seen
	old     map[int]time.Time     // workers that finish what they have, since when
	parked  map[serverKey]*parked // servers that nobody wants any more
	counted map[int]readings      // what each worker had counted when last read
	err     error                 // why HAProxy could not be read, nil if it was
	retry   time.Time             // no start of HAProxy before it
	refused string                // the last refusal that was logged
	failing int                   // starts that went wrong in a row
}

// A job is work for the keeper. do changes what is wanted; then comes a cycle;
// then after reads what has become of it. Either may be nil.
type job struct {
	do, after func(*keeper)
	quiet     bool // needs no cycle
	done      chan struct{}
}

// call hands a job in and waits until it is done. The error is why it did not
// wait so long; the job may still be done then.
func (b *Balancer) call(ctx context.Context, do, after func(*keeper)) error {
	j := &job{do: do, after: after, done: make(chan struct{})}
	select {
	case b.jobs <- j:
	case <-b.ctx.Done():
		return errClosed()
	case <-ctx.Done():
		return stoker.Errorf(stoker.Unavailable, "wait for HAProxy: %w", context.Cause(ctx))
	}
	select {
	case <-j.done:
		return nil
	case <-ctx.Done():
		return stoker.Errorf(stoker.Unavailable, "wait for HAProxy: %w", context.Cause(ctx))
	}
}

// post hands in what a first check has found; nobody waits for it.
func (b *Balancer) post(do func(*keeper)) {
	select {
	case b.jobs <- &job{do: do, quiet: true, done: make(chan struct{})}:
	case <-b.ctx.Done():
	}
}

func errClosed() error { return stoker.Errorf(stoker.Unavailable, "the balancer is closed") }

// run is the keeper's goroutine.
func (k *keeper) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var jobs []*job
		select {
		case <-ctx.Done():
			k.save()
			return
		case j := <-k.jobs:
			jobs = k.take(j)
		case <-timer.C:
			jobs = []*job{{done: make(chan struct{})}}
		}
		if k.needCycle(jobs) {
			k.cycle(ctx)
			timer.Reset(k.pause())
		}
		k.finish(jobs)
		k.save()
	}
}

// take does a job, and those of all who wait beside it: one cycle serves them all.
func (k *keeper) take(j *job) []*job {
	var jobs []*job
	for {
		if j.do != nil {
			j.do(k)
		}
		jobs = append(jobs, j)
		select {
		case j = <-k.jobs:
		default:
			return jobs
		}
	}
}

func (k *keeper) needCycle(jobs []*job) bool {
	for _, j := range jobs {
		if !j.quiet {
			return true
		}
	}
	return k.urgent
}

func (k *keeper) finish(jobs []*job) {
	for _, j := range jobs {
		if j.after != nil {
			j.after(k)
		}
		close(j.done)
	}
}

// The keeper looks this often while somebody waits for what HAProxy does by itself.
const hurry = 10 * time.Millisecond

// pause is the time until the next cycle that nobody asks for.
func (k *keeper) pause() time.Duration {
	for _, p := range k.pools {
		for _, m := range p.members {
			if m.phase == leaving && m.removers > 0 {
				return hurry
			}
		}
	}
	return k.config.Sample
}

// cycle reads HAProxy, brings its servers to what is wanted, and keeps what was
// seen. HAProxy is started when it is gone.
func (k *keeper) cycle(ctx context.Context) {
	k.urgent = false
	if len(k.pools) == 0 || k.halted {
		k.err = nil
		return
	}
	seen, err := k.look(ctx)
	if err != nil && k.host != nil {
		if err = k.revive(ctx, err); err == nil {
			seen, err = k.look(ctx)
		}
	}
	for range maxRounds {
		var acted bool
		if err == nil {
			acted, err = k.act(ctx, seen)
		}
		if err != nil || !acted {
			break
		}
		seen, err = k.look(ctx)
	}
	k.tell(err)
	k.err = err
	switch {
	case err == nil:
		k.fold(seen, time.Now())
	case gone(err):
		k.release()
	}
}

// maxRounds bounds how often a cycle plans anew; two are the rule.
const maxRounds = 4

// tell logs the loss of HAProxy, and its return, once.
func (k *keeper) tell(err error) {
	switch {
	case err != nil && k.err == nil:
		k.log.Error("haproxy is lost", "err", err)
	case err == nil && k.err != nil:
		k.log.Info("haproxy answers again", "pid", k.pid)
	}
}
