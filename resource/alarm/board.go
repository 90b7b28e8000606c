package alarm

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
)

// Groups is what the engine of stacks does for scalers.
type Groups interface {
	Group(ctx context.Context, id stoker.StackID) (*stoker.Group, error)
	Resize(ctx context.Context, id stoker.StackID, size int, reason string) error
}

// Actor carries out the actions of alarms. Both methods may be called concurrently.
type Actor interface {
	// Signal signals a resource.
	Signal(ctx context.Context, stack stoker.StackID, resource stoker.ResourceName, body map[string]any) error
	// HealMembers has a group replace those of its members that are down in a pool. Things of
	// other projects are not there.
	HealMembers(ctx context.Context, project stoker.ProjectID, group stoker.StackID, pool stoker.PoolID, reason string) error
	// Post sends JSON to an address that is not ours.
	Post(ctx context.Context, url string, body map[string]any) error
	// PostToQueue sends it to a queue of a project's; id names the alarm.
	PostToQueue(project stoker.ProjectID, queue, id string, body map[string]any) error
}

// Board shows the scaler each alarm as a group of its own, beside the real ones.
// Such a group has no members. Its size is the state of the alarm, and to resize it is to
// take the alarm's actions:
//
//	above a threshold:  0 ok --> 1 raised --> 2 raised again (and at once 1)
//	below a threshold:  2 ok --> 1 raised --> 0 raised again (and at once 1)
//
// So an alarm that is raised by little load is a lowering to the scaler, with all the care
// that it takes of those: missing signals raise no such alarm.
type Board struct {
	groups Groups
	actor  Actor
	target func(stoker.ProjectID, string) (stoker.StackID, stoker.ResourceName, bool)
	log    *slog.Logger

	mu     sync.Mutex // of alarms; an entry is used by its scaler alone
	alarms map[stoker.StackID]*entry
}

// entry is one alarm.
type entry struct {
	policy stoker.Policy
	r      reading
	level  int
	// What was seen of its data.
	known   bool // it has been there once
	missing int  // readings in a row without
	told    bool // onMissing has been done for them
}

// NewBoard makes a board over the real groups. target is as in Deps; nil log: silence.
func NewBoard(g Groups, a Actor, target func(stoker.ProjectID, string) (stoker.StackID, stoker.ResourceName, bool), log *slog.Logger) *Board {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Board{groups: g, actor: a, target: target, log: log, alarms: map[stoker.StackID]*entry{}}
}

// prefix tells alarms from real groups.
const prefix = "alarm:"

func boardID(id stoker.ResourceID) stoker.StackID { return stoker.StackID(prefix + string(id)) }

// The levels of an alarm. Being raised is between being fine and being raised again.
const raised = 1

func (r *reading) fine() int {
	if r.below() {
		return raised + 1
	}
	return raised - 1
}

// put keeps the state of an alarm that is changed, unless it now looks the other way.
func (b *Board) put(p stoker.Policy, r reading) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := &entry{policy: p, r: r, level: r.fine()}
	if old := b.alarms[p.Group]; old != nil && old.r.below() == r.below() {
		e.level, e.known, e.missing, e.told = old.level, old.known, old.missing, old.told
	}
	b.alarms[p.Group] = e
}

func (b *Board) remove(id stoker.StackID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.alarms, id)
}

func (b *Board) get(id stoker.StackID) (entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.alarms[id]
	if e == nil {
		return entry{}, stoker.Errorf(stoker.NotFound, "there is no alarm %q", strings.TrimPrefix(string(id), prefix))
	}
	return *e, nil
}

// Timed gives the source of an alarm's signal as it is to be read: outside of the alarm's
// times nothing is known, so that the alarm keeps its state.
func (b *Board) Timed(id stoker.StackID, s stoker.SignalSource) stoker.SignalSource {
	if !strings.HasPrefix(string(id), prefix) {
		return s
	}
	return timed{b, id, s}
}

type timed struct {
	b  *Board
	id stoker.StackID
	s  stoker.SignalSource
}

func (t timed) Read(ctx context.Context) (stoker.Sample, error) {
	e, err := t.b.get(t.id)
	if err != nil {
		return stoker.Sample{}, err
	}
	ok, next := e.r.evaluated(time.Now())
	switch {
	case ok:
		out, err := t.s.Read(ctx)
		t.b.data(ctx, t.id, err)
		return out, err
	case next.IsZero():
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "none of the alarm's times comes any more")
	}
	return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "the alarm is not evaluated now, and from %s again", next.Format(time.RFC3339))
}

// data notes whether an alarm's data was there, and takes its actions once when that was
// missing for as many readings as raise it. Data that has never been there is not missing.
// Actions that go wrong are taken again at the next reading.
func (b *Board) data(ctx context.Context, id stoker.StackID, err error) {
	b.mu.Lock()
	e := b.alarms[id]
	if e == nil || ctx.Err() != nil && err != nil {
		b.mu.Unlock()
		return
	}
	if err == nil {
		e.known, e.missing, e.told = true, 0, false
		b.mu.Unlock()
		return
	}
	e.missing++
	if !e.known || e.told || e.missing < e.r.periods || len(e.r.onMissing) == 0 {
		b.mu.Unlock()
		return
	}
	e.told = true
	now := *e
	b.mu.Unlock()
	if b.act(ctx, &now, now.r.onMissing, now.body(id, "insufficient data", err.Error())) == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.alarms[id]; e != nil {
		e.told = false
	}
}

// body is what the actions are told.
func (e *entry) body(id stoker.StackID, current, reason string) map[string]any {
	previous := "alarm"
	if e.level == e.r.fine() {
		previous = "ok"
	}
	return map[string]any{
		"alarm_id": strings.TrimPrefix(string(id), prefix), "alarm_name": e.policy.Name,
		"severity": e.r.severity, "previous": previous, "current": current, "reason": reason,
	}
}

// Group gives a real group, or an alarm as one.
func (b *Board) Group(ctx context.Context, id stoker.StackID) (*stoker.Group, error) {
	if !strings.HasPrefix(string(id), prefix) {
		return b.groups.Group(ctx, id)
	}
	e, err := b.get(id)
	if err != nil {
		return nil, err
	}
	g := &stoker.Group{ID: id, Name: e.policy.Name, Project: e.policy.Project, Min: 0, Max: raised + 1, Size: e.level}
	switch {
	case e.r.repeat:
	case e.r.below():
		g.Min = raised
	default:
		g.Max = raised
	}
	return g, nil
}

// Resize resizes a real group, or takes the actions of an alarm. When one of them goes wrong the
// alarm is not raised, and all are tried again.
func (b *Board) Resize(ctx context.Context, id stoker.StackID, size int, reason string) error {
	if !strings.HasPrefix(string(id), prefix) {
		return b.groups.Resize(ctx, id, size, reason)
	}
	e, err := b.get(id)
	if err != nil {
		return err
	}
	level, urls, current := raised, e.r.onAlarm, "alarm"
	if size == e.r.fine() {
		level, urls, current = size, e.r.onOK, "ok"
	}
	if err := b.act(ctx, &e, urls, e.body(id, current, reason)); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.alarms[id]; now != nil {
		now.level = level
	}
	return nil
}

// healing is the address by which Aodh has Heat heal the members that an alarm is about.
const healing = "heat://"

func (b *Board) act(ctx context.Context, e *entry, urls []string, body map[string]any) error {
	for _, url := range urls {
		var err error
		stack, resource, ours := b.target(e.policy.Project, url)
		queue, queued := queueOf(url)
		switch {
		case url == healing && e.r.group != "":
			err = b.actor.HealMembers(ctx, e.policy.Project, stoker.StackID(e.r.group), stoker.PoolID(e.r.pool), "down in the load balancer's pool: "+body["reason"].(string))
		case ours:
			err = b.actor.Signal(ctx, stack, resource, body)
		case queued:
			err = b.actor.PostToQueue(e.policy.Project, queue, body["alarm_id"].(string), body)
		default:
			err = b.actor.Post(ctx, url, body)
		}
		if err != nil {
			return fmt.Errorf("take an action of alarm %s: %w", e.policy.Name, err)
		}
		b.log.Info("alarm", "alarm", e.policy.Name, "state", body["current"], "why", body["reason"])
	}
	return nil
}
