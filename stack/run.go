package stack

import (
	"context"
	"errors"
	"time"

	"github.com/stoker-project/stoker"
)

// A run takes one generation of a stack to its end: first it grows what is
// wanted, in the order of the graph, then it lets go of what is not wanted any more.
// It belongs to the stack's owner. What it knows is derived from the records,
// so that a run may start in the middle, after a crash.
type run struct {
	generation int64
	graph      *graph
	nodes      map[stoker.ResourceName]*nodeRun
	ready      []*nodeRun
	left       int // nodes not settled
	keep       map[stoker.ResourceID]bool
	failed     error   // the first failure; nothing new starts after it
	failures   []error // of a check, which goes on
	unchecked  bool    // a check has met a type that cannot be checked
	stopping   bool    // superseded or cancelled: ends when nothing is in flight
	deadline   time.Time
	awaits     context.Context // of work that may be broken off
	breakOff   context.CancelCauseFunc
	// letGo: nested stacks were told to let go, of members or, when they are abandoned, of
	// everything; waiting: how many have not answered.
	letGo   bool
	waiting int
	// dropping: what snapshots hold is being dropped, or has been.
	dropping bool
}

// nodeRun is one resource of the graph in a run.
type nodeRun struct {
	*node
	missing int // predecessors not settled
	settled bool
	next    []*nodeRun
}

// Causes of work being broken off.
var (
	errSuperseded = errors.New("superseded by a newer operation")
	errAborted    = errors.New("aborted because another resource failed")
)

// advance does what can be done now: starts a run, starts work, ends phases. A
// run that ends may leave another to begin: a rollback, the next batch.
func (o *owner) advance() {
	for {
		before := o.run
		o.advanceRun()
		if o.run == before || o.run != nil {
			return
		}
	}
}

func (o *owner) advanceRun() {
	if o.run != nil && (o.run.generation != o.st.Generation || !o.run.deadline.After(time.Now())) {
		o.stopRun()
	}
	if o.run != nil && o.run.stopping && !o.building() {
		o.endStopped()
	}
	if o.run == nil {
		o.startRun()
	}
	if o.run == nil || o.run.stopping {
		return
	}
	switch {
	case growing(o.st):
		o.grow()
	case o.st.Phase == stoker.PhasePass:
		o.goOver()
	case o.st.Phase == stoker.PhaseObserve:
		o.observe()
	case o.st.Phase == stoker.PhaseAbandon:
		o.forsake()
	}
	if o.run != nil && o.st.Phase == stoker.PhaseLeave {
		o.letLeave()
	}
}

// stopRun lets work that asks a driver end and breaks off waiting.
func (o *owner) stopRun() {
	r := o.run
	if r.stopping {
		return
	}
	r.stopping = true
	cause := errSuperseded
	if o.st.Status != stoker.StatusInProgress {
		cause = errCancelled
	}
	if r.generation == o.st.Generation {
		cause = errTimedOut
		r.failed = errTimedOut
		for _, w := range o.inflight {
			w.cancel(cause)
		}
	}
	r.breakOff(cause)
}

// errTimedOut is Heat's text for an operation that took too long.
var errTimedOut error = &stoker.Error{Kind: stoker.Unavailable, Type: "Timeout", Message: "Timed out"}

func (o *owner) endStopped() {
	r := o.run
	if r.generation != o.st.Generation {
		r.breakOff(nil)
		o.run = nil
		return
	}
	o.fail(r.failed)
}

// startRun begins the run that the record asks for, if it asks for one.
func (o *owner) startRun() {
	st := o.st
	if st == nil || st.Status != stoker.StatusInProgress || st.Phase == stoker.PhaseDone || o.building() {
		return
	}
	switch st.Phase {
	case stoker.PhasePass, stoker.PhaseObserve, stoker.PhaseAbandon:
		o.startPass()
		return
	}
	g, err := o.e.compile(st)
	if err != nil {
		o.newRun(&graph{})
		o.fail(err)
		return
	}
	o.newRun(g)
	if !growing(st) {
		o.keepAll()
	}
}

func (o *owner) newRun(g *graph) {
	r := &run{
		generation: o.st.Generation,
		graph:      g,
		nodes:      make(map[stoker.ResourceName]*nodeRun, len(g.nodes)),
		left:       len(g.nodes),
		keep:       make(map[stoker.ResourceID]bool, len(g.nodes)),
		deadline:   started(o.st).Add(o.timeout()),
	}
	r.awaits, r.breakOff = context.WithCancelCause(o.base)
	for _, n := range g.nodes {
		r.nodes[n.name] = &nodeRun{node: n, missing: len(n.deps)}
	}
	for _, n := range g.nodes {
		nr := r.nodes[n.name]
		for _, d := range n.deps {
			r.nodes[d].next = append(r.nodes[d].next, nr)
		}
		if nr.missing == 0 {
			r.ready = append(r.ready, nr)
		}
	}
	o.run = r
}

// started is when a stack's last operation began.
func started(st *stoker.Stack) time.Time {
	if st.Updated.After(st.Created) {
		return st.Updated
	}
	return st.Created
}

func (o *owner) timeout() time.Duration {
	if o.st.Timeout > 0 {
		return o.st.Timeout
	}
	return o.e.limits.Timeout
}

// keepAll marks what the growing phase left as wanted, when a run goes on in a
// later phase.
func (o *owner) keepAll() {
	for name := range o.run.nodes {
		if r := o.rows.current(name); r != nil {
			o.run.keep[r.ID] = true
		}
	}
	o.run.left = 0
	o.run.ready = nil
}

// grow starts what is ready, and ends the phase.
func (o *owner) grow() {
	r := o.run
	o.startReady(o.ensure)
	switch {
	case r.failed != nil && !o.building():
		o.fail(r.failed)
	case r.left == 0:
		o.grown()
	}
}

// startReady starts what is ready, as far as there are workers for it.
func (o *owner) startReady(start func(*nodeRun)) {
	r := o.run
	for len(r.ready) > 0 && r.failed == nil && o.acting < o.e.limits.Workers {
		n := r.ready[0]
		r.ready = r.ready[1:]
		start(n)
	}
}

// settle marks a resource as being as wanted, and frees its dependents.
func (o *owner) settle(n *nodeRun, row *stoker.Resource) {
	if n.settled {
		return
	}
	n.settled = true
	o.run.left--
	o.run.keep[row.ID] = true
	for _, m := range n.next {
		if m.missing--; m.missing == 0 {
			o.run.ready = append(o.run.ready, m)
		}
	}
}

// ensure brings one resource to what is wanted.
func (o *owner) ensure(n *nodeRun) {
	w, err := o.want(n.node)
	named := o.rows.byName[n.name]
	if err != nil {
		o.failNode(n, o.failing(n, w, named), err)
		return
	}
	row, v := choose(named, w)
	if v.err != nil {
		o.failNode(n, row, v.err)
		return
	}
	if err := o.restricted(n.name, v); err != nil {
		o.refuseNode(row, err)
		return
	}
	if (v.verb == Change || v.verb == Replace) && o.waitsAt(row, preUpdate, stoker.ActionUpdate) {
		return
	}
	switch v.verb {
	case Keep:
		if row.Hook != "" && row.Hook == hookAfter(row.Action) && o.hooked(n.name, row.Hook) {
			return
		}
		o.settle(n, o.noteOrder(o.noteEnd(row), w))
	case Change:
		o.update(n, row, w)
	case Continue:
		if row.Action == stoker.ActionInit {
			o.createRecorded(n, row, w)
			return
		}
		o.resume(n, row, w)
	case Make:
		if w.external != "" {
			o.refer(n, w)
			return
		}
		o.create(n, w, "")
	case Replace:
		o.create(n, w, row.ID)
	}
}

// failing gives the record that shows why a resource could not even be tried.
func (o *owner) failing(n *nodeRun, w *wanted, named []*stoker.Resource) *stoker.Resource {
	if len(named) > 0 {
		return named[len(named)-1]
	}
	return o.record(n, &wanted{name: n.name, kind: n.kind, requires: n.deps, deletion: "Delete"}, "")
}

// noteOrder keeps the order of leaving up to date where nothing else changed.
func (o *owner) noteOrder(row *stoker.Resource, w *wanted) *stoker.Resource {
	if equalNames(row.Requires, w.requires) && row.DeletionPolicy == w.deletion {
		return row
	}
	return o.saveRow(row, func(r *stoker.Resource) { r.Requires, r.DeletionPolicy = w.requires, w.deletion })
}

// noteEnd makes an end of a check that a newer operation has broken off.
func (o *owner) noteEnd(row *stoker.Resource) *stoker.Resource {
	if row.Status != stoker.StatusInProgress {
		return row
	}
	row = o.saveRow(row, func(r *stoker.Resource) { r.Status = stoker.StatusComplete })
	o.rowEvent(row, stateChanged)
	return row
}

func equalNames(a, b []stoker.ResourceName) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// record writes the intent to make a resource.
func (o *owner) record(n *nodeRun, w *wanted, replaces stoker.ResourceID) *stoker.Resource {
	row := &stoker.Resource{
		ID: stoker.ResourceID(newID()), Stack: o.id, Name: n.name, Type: w.kind.name,
		Action: stoker.ActionCreate, Status: stoker.StatusInProgress,
		Properties: w.props, Metadata: w.metadata, Requires: w.requires,
		DeletionPolicy: w.deletion, Replaces: replaces, Created: o.now(),
	}
	if w.kind.nested() {
		row.Child = stoker.StackID(newID())
		row.PhysicalID = stoker.PhysicalID(row.Child)
		row.Data = w.source()
	}
	return o.saveRow(row, func(*stoker.Resource) {})
}

func (o *owner) create(n *nodeRun, w *wanted, replaces stoker.ResourceID) {
	row := o.record(n, w, replaces)
	if o.hooked(n.name, preCreate) {
		row = o.saveRow(row, func(r *stoker.Resource) { r.Action, r.Status = stoker.ActionInit, stoker.StatusComplete })
		o.waitsAt(row, preCreate, stoker.ActionCreate)
		return
	}
	o.rowEvent(row, stateChanged)
	o.start(n, row, w, doCreate)
}

// refer records something that exists already and is none of ours to change.
func (o *owner) refer(n *nodeRun, w *wanted) {
	row := o.record(n, w, "")
	row = o.saveRow(row, func(r *stoker.Resource) {
		r.PhysicalID, r.Child, r.Status = w.external, "", stoker.StatusComplete
		r.Data = map[string]any{externalKey: true}
	})
	o.rowEvent(row, stateChanged)
	o.settle(n, row)
}

// externalKey marks the record of something that is none of ours to change.
const externalKey = "external"

// resume goes on with a creation as it was begun; what is wanted now is compared
// with it afterwards.
func (o *owner) resume(n *nodeRun, row *stoker.Resource, w *wanted) {
	begun := *w
	if !w.kind.nested() {
		begun.props, begun.metadata = row.Properties, row.Metadata
	}
	o.start(n, row, &begun, doCreate)
	o.inflight[row.ID].begun = !w.kind.nested()
}

func (o *owner) update(n *nodeRun, row *stoker.Resource, w *wanted) {
	old := *row
	old.Properties, old.Metadata = applied(row, w)
	row = o.saveRow(row, func(r *stoker.Resource) {
		r.OldProperties, r.OldMetadata = notNil(old.Properties), old.Metadata
		r.Action, r.Status, r.StatusReason = stoker.ActionUpdate, stoker.StatusInProgress, ""
		r.Properties, r.Metadata = w.props, w.metadata
		r.Requires, r.DeletionPolicy, r.Updated = w.requires, w.deletion, o.now()
		r.Type, r.Hook = w.kind.name, ""
		if w.kind.nested() {
			r.Data = w.source()
		}
	})
	o.rowEvent(row, stateChanged)
	o.startUpdate(n, &old, row, w)
}

// source is what a record keeps to know a nested stack's texts again.
func (w *wanted) source() map[string]any {
	if w.kind.source == "" {
		return nil
	}
	return map[string]any{sourceKey: w.kind.source}
}

// notNil tells "none" from "not known", which nil means in a record.
func notNil(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// failNode records a failure and stops the run: nothing new starts, work that
// asks a driver ends, waiting is broken off.
func (o *owner) failNode(n *nodeRun, row *stoker.Resource, err error) {
	err = located(err, n.name)
	row = o.saveRow(row, func(r *stoker.Resource) {
		r.Status, r.StatusReason = stoker.StatusFailed, o.reason(err)
		if r.Action == stoker.ActionInit {
			r.Action = stoker.ActionCreate
		}
	})
	o.rowEvent(row, row.StatusReason)
	if o.run.failed == nil {
		o.run.failed = resourceFailed(row.Action, err)
		o.run.breakOff(errAborted)
	}
}
