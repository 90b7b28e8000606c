package alarm

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
)

// Events brings what happens to the alarms that are about it. All methods may be called
// concurrently.
type Events struct {
	board *Board
	where func(context.Context, stoker.StackID) (name string, project stoker.ProjectID, err error)
	log   *slog.Logger

	mu      sync.Mutex
	alarms  map[stoker.ResourceID]*listener
	pending []*stoker.Event
	wake    chan struct{}
}

// listener is one alarm; its fields are guarded by Events.mu.
type listener struct {
	id stoker.ResourceID // empty: it was deleted
	entry
	selection
	raised  bool
	told    bool           // its actions have been taken once
	pending []notification // matched, and not acted on yet
	acting  bool
}

// maxPending bounds the events that wait, of all stacks and for one alarm: what
// happens more quickly than its actions are taken is left out.
const (
	maxPending      = 100_000
	maxAlarmPending = 1000
)

// The tries of an action that goes wrong, and the pause before the second, which
// doubles.
const (
	maxTries   = 6
	firstPause = time.Second
)

// NewEvents makes one that acts through a board. where tells of a stack; nil log: silence.
func NewEvents(b *Board, where func(context.Context, stoker.StackID) (string, stoker.ProjectID, error), log *slog.Logger) *Events {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Events{board: b, where: where, log: log, alarms: map[stoker.ResourceID]*listener{}, wake: make(chan struct{}, 1)}
}

// Note takes an event for Run to look at. It does not block.
func (e *Events) Note(ev *stoker.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.alarms) == 0 {
		return
	}
	if len(e.pending) == maxPending {
		e.log.Warn("more happens than alarms can look at; an event is left out", "stack", ev.Stack, "resource", ev.Resource)
		return
	}
	e.pending = append(e.pending, ev)
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Run looks at events until ctx ends, and returns nil when all actions under way have ended then.
func (e *Events) Run(ctx context.Context) error {
	var actions sync.WaitGroup
	defer actions.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.wake:
		}
		e.mu.Lock()
		evs := e.pending
		e.pending = nil
		e.mu.Unlock()
		for _, ev := range evs {
			for _, l := range e.match(ctx, ev) {
				actions.Go(func() { e.act(ctx, l) })
			}
		}
	}
}

// match hands an event to the alarms that it raises, and gives those that nobody is acting for
// yet.
func (e *Events) match(ctx context.Context, ev *stoker.Event) (idle []*listener) {
	name, project, err := e.where(ctx, ev.Stack)
	if err != nil {
		if ctx.Err() == nil {
			e.log.Warn("an event is of no known stack", "stack", ev.Stack, "err", err)
		}
		return nil
	}
	ns := notifications(ev, name, project)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.alarms {
		if l.policy.Project != project {
			continue
		}
		for i := range ns {
			if !l.takes(&ns[i]) || l.raised && !l.r.repeat {
				continue
			}
			if ok, _ := l.r.evaluated(ns[i].time); !ok {
				continue
			}
			if len(l.pending) == maxAlarmPending {
				e.log.Warn("more happens than an alarm can act on; an event is left out", "alarm", l.policy.Name, "event", ns[i].kind)
				continue
			}
			l.pending = append(l.pending, ns[i])
			l.raised = true
		}
		if len(l.pending) > 0 && !l.acting {
			l.acting = true
			idle = append(idle, l)
		}
	}
	return idle
}

// act takes the actions of an alarm for one event after the other, until none is left.
func (e *Events) act(ctx context.Context, l *listener) {
	for {
		e.mu.Lock()
		if len(l.pending) == 0 || l.id == "" || ctx.Err() != nil {
			l.acting = false
			e.mu.Unlock()
			return
		}
		id, n, en, previous := l.id, l.pending[0], l.entry, "ok"
		if l.told {
			previous = "alarm"
		}
		l.pending, l.told = l.pending[1:], true
		e.mu.Unlock()
		body := map[string]any{
			"alarm_id": string(id), "alarm_name": en.policy.Name, "severity": en.r.severity, "previous": previous, "current": "alarm",
			"reason":      fmt.Sprintf("Event <id:%s,event_type:%s> hits the query.", n.id, n.kind),
			"reason_data": map[string]any{"type": "event", "event": n.body()},
		}
		if err := e.insist(ctx, &en, body); err != nil && ctx.Err() == nil {
			e.log.Error("an alarm's action goes wrong again and again and is given up", "alarm", en.policy.Name, "event", n.kind, "err", err)
		}
	}
}

func (e *Events) insist(ctx context.Context, en *entry, body map[string]any) error {
	pause := firstPause
	for try := 1; ; try++ {
		err := e.board.act(ctx, en, en.r.onAlarm, body)
		if err == nil || try == maxTries {
			return err
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
		pause *= 2
	}
}

// put keeps the state of an alarm that is changed.
func (e *Events) put(id stoker.ResourceID, en entry, sel selection) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l := e.alarms[id]; l != nil {
		l.entry, l.selection = en, sel
		return
	}
	e.alarms[id] = &listener{id: id, entry: en, selection: sel}
}

func (e *Events) remove(id stoker.ResourceID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l := e.alarms[id]; l != nil {
		l.id = ""
		delete(e.alarms, id)
	}
}
