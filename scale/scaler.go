package scale

import (
	"context"
	"hash/fnv"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
)

const (
	groupTimeout  = 5 * time.Second
	changeTimeout = 15 * time.Second
	maxGroupDelay = time.Minute // between tries to read a group that cannot be read
)

// scaler evaluates one policy. All fields but the first block belong to the goroutine
// of run.
type scaler struct {
	engine *Engine
	policy stoker.Policy
	before *scaler            // whose place it takes; nil: none
	cancel context.CancelFunc // set when started, under Engine.mu
	done   chan struct{}

	state   State // for the successor, once done is closed
	signals []*signal
	results chan result
	reads   sync.WaitGroup
	grace   *time.Timer

	groupDelay time.Duration
	groupAfter time.Time
}

func newScaler(e *Engine, p stoker.Policy, signals []*signal) *scaler {
	own := make([]*signal, len(signals))
	for i, sig := range signals {
		own[i] = &signal{name: sig.name, source: sig.source, timeout: sig.timeout}
	}
	return &scaler{
		engine:  e,
		policy:  p,
		done:    make(chan struct{}),
		signals: own,
		results: make(chan result, len(signals)),
	}
}

func (s *scaler) started() bool { return s.cancel != nil }

// run evaluates once per interval until ctx ends.
func (s *scaler) run(ctx context.Context) {
	defer close(s.done)
	defer s.reads.Wait()
	if !s.inherit(ctx) || !s.pause(ctx) {
		return
	}
	s.grace = time.NewTimer(0)
	defer s.grace.Stop()
	tick := time.NewTicker(interval(&s.policy))
	defer tick.Stop()
	for {
		s.evaluate(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// inherit takes over the state of the predecessor, otherwise of the store. If
// that is silent the last change is taken to be now: nothing is lowered before a cool-off.
func (s *scaler) inherit(ctx context.Context) bool {
	if s.before != nil {
		select {
		case <-s.before.done:
		case <-ctx.Done():
			return false
		}
		s.state, s.before = s.before.state, nil
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, groupTimeout)
	defer cancel()
	saved, err := s.engine.config.Store.ScalerState(ctx, s.policy.ID)
	if err != nil {
		s.engine.log.Warn("cool-offs unknown, taken to begin now", "scaler", s.policy.ID, "err", err)
		saved.LastDown = time.Now()
	}
	s.state = StateFrom(saved)
	return true
}

// pause waits for a part of the interval that depends on the ID, so that
// scalers started together do not all evaluate at the same moment.
func (s *scaler) pause(ctx context.Context) bool {
	h := fnv.New32a()
	h.Write([]byte(s.policy.ID))
	part := time.Duration(h.Sum32() % 1024)
	t := time.NewTimer(interval(&s.policy) * part / 1024)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// evaluate reads, decides and carries out, once.
func (s *scaler) evaluate(ctx context.Context) {
	if time.Now().Before(s.groupAfter) {
		return
	}
	s.read(ctx)
	group, err := s.group(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.missing(err)
		return
	}
	s.groupDelay = 0
	e := decide(&s.state, &s.policy, group, s.latest, time.Now())
	if e.d.To != e.d.From {
		s.change(ctx, e.d, e.state)
		return
	}
	s.state = e.state
	s.note(&e.d)
}

func (s *scaler) group(ctx context.Context) (*stoker.Group, error) {
	ctx, cancel := context.WithTimeout(ctx, groupTimeout)
	defer cancel()
	g, err := s.engine.config.Groups.Group(ctx, s.policy.Group)
	if err == nil && g.Project != s.policy.Project {
		return nil, stoker.Errorf(stoker.NotFound, "there is no group %q", s.policy.Group) // another's
	}
	return g, err
}

// missing notes that the group cannot be read, and tries again after a delay
// that doubles.
func (s *scaler) missing(err error) {
	s.groupDelay = min(max(2*s.groupDelay, interval(&s.policy)), maxGroupDelay)
	now := time.Now()
	s.groupAfter = now.Add(s.groupDelay)
	s.engine.log.Warn("read group", "scaler", s.policy.ID, "group", s.policy.Group, "err", err)
	s.note(&stoker.Decision{
		Scaler: s.policy.ID, Group: s.policy.Group, Project: s.policy.Project,
		Time: now, LastTime: now, Count: 1,
		Limiter: LimitNoGroup, Next: s.groupAfter,
		Why: "nothing is decided: the group cannot be read", Err: public(err),
	})
}

// change carries a decision out: intent, act, result. The end of ctx does not
// tear it apart. A raise goes on when the intent cannot be recorded, since
// capacity matters more than its record; a lowering does not.
func (s *scaler) change(ctx context.Context, d stoker.Decision, after State) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
	defer cancel()
	j, log := s.engine.journal, s.engine.log.With("scaler", d.Scaler, "group", d.Group, "from", d.From, "to", d.To)
	row, err := j.intend(ctx, &d, after.Saved(d.Scaler))
	if err != nil {
		log.Warn("record decision", "err", err)
		if d.To < d.From {
			s.refuse(row, d, after, func(d *stoker.Decision) {
				d.To, d.Limiter, d.Err = d.From, LimitNotRecorded, "the store does not take the decision"
				d.Why += "; not done: it cannot be recorded"
			})
			return
		}
	}
	if err := s.engine.config.Groups.Resize(ctx, d.Group, d.To, d.Why); err != nil {
		log.Warn("resize", "why", d.Why, "err", err)
		s.refuse(row, d, after, func(d *stoker.Decision) { d.Err = public(err) })
		return
	}
	log.Info("resized", "why", d.Why)
	s.state = after.Accepted()
	s.engine.teller.tell(&d)
}

// refuse takes a change back and says so in its record.
func (s *scaler) refuse(r *row, d stoker.Decision, after State, amend func(*stoker.Decision)) {
	s.state = after.Refused(s.state, d, time.Now())
	amend(&d)
	s.engine.journal.amend(r, s.state.Saved(d.Scaler), amend)
	s.engine.teller.tell(&d)
}

// note records a decision to do nothing.
func (s *scaler) note(d *stoker.Decision) {
	if s.engine.journal.note(d) {
		s.engine.log.Debug("kept", "scaler", d.Scaler, "group", d.Group, "size", d.From, "limiter", d.Limiter, "why", d.Why)
		s.engine.teller.tell(d)
	}
}

// public gives the text of an error for users: that of a fault of our own is for the log.
func public(err error) string {
	if stoker.KindOf(err) == stoker.Internal {
		return "internal error, see the log"
	}
	return err.Error()
}
