package stack

import (
	"context"
	"errors"

	"github.com/stoker-project/stoker"
)

// work is one resource that is in flight: a worker asks its type to create,
// update or delete it, or waits for it.
type work struct {
	acting bool // occupies a worker; otherwise it waits
	node   *nodeRun
	run    *run
	want   *wanted
	old    *stoker.Resource // as it was before an update
	pass   bool             // of a pass over what is there
	key    string           // of what is kept for a snapshot
	begun  bool             // an interrupted creation: compare again when it is done
	cancel context.CancelCauseFunc
}

// result is what a worker sends to the owner.
type result struct {
	id    stoker.ResourceID
	res   stoker.Result
	err   error
	acted bool // the action is done, the wait for it goes on
	held  bool // a nested stack waits to let members go
	// do is for the owner itself, instead of all the above.
	do func(*owner)
}

// deed is what a worker does.
type deed int

const (
	doCreate deed = iota
	doUpdate
	doDelete
	doCheck
	doSleep
	doWake
	doPutBack
	doDeleteKeeping
)

// building tells whether work of the growing phase is in flight.
func (o *owner) building() bool { return o.inBuild > 0 }

func (o *owner) track(id stoker.ResourceID, w *work) {
	o.inflight[id] = w
	if w.acting {
		o.acting++
	}
	if w.node != nil {
		o.inBuild++
	}
}

func (o *owner) untrack(id stoker.ResourceID) {
	w := o.inflight[id]
	o.waits(w)
	if w.node != nil {
		o.inBuild--
	}
	delete(o.inflight, id)
	w.cancel(nil)
}

// waits frees the worker of something that only waits from now on.
func (o *owner) waits(w *work) {
	if w.acting {
		w.acting = false
		o.acting--
	}
}

// request gives a type what it needs to know of a record.
func (o *owner) request(row *stoker.Resource, policy map[string]any) *stoker.Request {
	return requestFor(o.st, o.path, row, policy)
}

func requestFor(st *stoker.Stack, path []stoker.StackID, row *stoker.Resource, policy map[string]any) *stoker.Request {
	return &stoker.Request{
		Stack: stoker.StackRef{ID: st.ID, Name: st.Name, Project: st.Project, Path: path, Admin: st.Spec.Admin},
		Name:  row.Name, Type: row.Type, ID: row.ID, PhysicalID: row.PhysicalID,
		Properties: row.Properties, Metadata: row.Metadata, UpdatePolicy: policy, Data: row.Data,
	}
}

// start has a worker create the resource, once its record is durable.
func (o *owner) start(n *nodeRun, row *stoker.Resource, w *wanted, d deed) {
	o.begin(row, &work{node: n, want: w}, o.request(row, w.policy), d)
}

func (o *owner) startUpdate(n *nodeRun, old, row *stoker.Resource, w *wanted) {
	req := o.request(row, w.policy)
	req.OldProperties, req.OldMetadata = old.Properties, old.Metadata
	o.begin(row, &work{node: n, want: w, old: old}, req, doUpdate)
}

func (o *owner) begin(row *stoker.Resource, w *work, req *stoker.Request, d deed) {
	var ctx context.Context
	ctx, w.cancel = context.WithCancelCause(o.base)
	w.run = o.run
	w.acting = !w.want.kind.nested()
	o.track(row.ID, w)
	awaits, impl := o.run.awaits, w.want.kind.impl
	if w.want.kind.nested() {
		o.launchNested(awaits, row, w, req)
		return
	}
	o.launch = append(o.launch, func() {
		o.e.tasks.Go(func() { o.act(ctx, awaits, row.ID, impl, req, d) })
	})
}

// act is the worker: it asks the type and then waits for the resource to be
// complete. Only the wait is broken off by a newer operation.
func (o *owner) act(ctx, awaits context.Context, id stoker.ResourceID, t stoker.ResourceType, req *stoker.Request, d deed) {
	wait, stop := context.WithCancelCause(awaits)
	defer stop(nil)
	defer context.AfterFunc(ctx, func() { stop(context.Cause(ctx)) })()
	var res stoker.Result
	var err error
	if d == doCreate {
		res, err = o.createPatiently(ctx, wait, id, t, req)
	} else {
		res, err = perform(ctx, t, req, d)
	}
	waiter, ok := t.(stoker.Awaiter)
	if err != nil || !ok || !awaited(d) {
		o.send(result{id: id, res: res, err: err})
		return
	}
	o.send(result{id: id, res: res, acted: true})
	again := *req
	if res.PhysicalID != "" {
		again.PhysicalID = res.PhysicalID
	}
	if res.Data != nil {
		again.Data = res.Data
	}
	res, err = waiter.Await(wait, &again)
	if err != nil && wait.Err() != nil {
		err = context.Cause(wait)
	}
	o.send(result{id: id, res: res, err: err})
}

// awaited tells whether a resource is waited for after a deed.
func awaited(d deed) bool { return d == doCreate || d == doUpdate || d == doWake }

func perform(ctx context.Context, t stoker.ResourceType, req *stoker.Request, d deed) (res stoker.Result, err error) {
	switch d {
	case doDelete:
		err = t.Delete(ctx, req)
	case doDeleteKeeping:
		res, err = deleteKeeping(ctx, t, req)
	case doUpdate:
		res, err = t.(stoker.Updater).Update(ctx, req)
	case doCheck:
		err = t.(stoker.Checker).Check(ctx, req)
	case doSleep:
		err = t.(stoker.Sleeper).Sleep(ctx, req)
	case doWake:
		err = t.(stoker.Sleeper).Wake(ctx, req)
	case doPutBack:
		err = t.(stoker.Resumer).Resume(ctx, req)
	default:
		res, err = t.Create(ctx, req)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return res, err
}

// send gives a result to the owner; nobody takes it when the stack was given up.
// That the engine stops is no result: owners end one after the other, and one whose
// nested stack's owner ended first must not record it as a failure.
func (o *owner) send(r result) {
	if errors.Is(r.err, errClosed) {
		return
	}
	select {
	case o.results <- r:
	case <-o.base.Done():
	}
}

// take records what a worker found.
func (o *owner) take(r result) {
	if r.do != nil {
		r.do(o)
		return
	}
	w := o.inflight[r.id]
	row := o.rows.byID[r.id]
	if r.acted {
		o.waits(w)
		o.saveRow(row, func(x *stoker.Resource) { keepResult(x, r.res) })
		return
	}
	o.untrack(r.id)
	if w.node == nil {
		o.deleted(row, r.err, o.keptReason(r.res.Data))
		return
	}
	if w.key != "" {
		o.keptOne(w, row, r)
		return
	}
	if w.pass {
		o.treated(w, row, r)
		return
	}
	o.finished(w, row, r)
}

// finished records the end of a creation or an update.
func (o *owner) finished(w *work, row *stoker.Resource, r result) {
	switch {
	case r.err == nil:
		row = o.saveRow(row, func(x *stoker.Resource) {
			keepResult(x, r.res)
			x.Status, x.StatusReason = stoker.StatusComplete, ""
			x.OldProperties, x.OldMetadata = nil, nil
		})
		if r.held {
			o.held[row.Child] = true
		}
		o.rowEvent(row, stateChanged)
		o.watch(row)
		o.again(w, row)
	case errors.Is(r.err, errCancelled):
		o.aborted(row)
	case errors.Is(r.err, errSuperseded), o.base.Err() != nil:
		// The next run, or the next engine, goes on with it.
	case errors.Is(r.err, stoker.ErrReplace) && w.old != nil:
		row = o.saveRow(w.old, func(x *stoker.Resource) {
			x.Status, x.OldProperties, x.OldMetadata = stoker.StatusComplete, nil, nil
		})
		if w.run != o.run || o.run.stopping {
			return // nothing of it has changed
		}
		if err := o.restricted(row.Name, verdict{verb: Replace}); err != nil {
			o.refuseNode(row, err)
		} else {
			o.create(w.node, w.want, row.ID)
		}
	case w.run == o.run:
		o.failNode(w.node, row, r.err)
	}
}

// again settles a resource that is done, or looks once more when its creation
// had been begun for other properties.
func (o *owner) again(w *work, row *stoker.Resource) {
	if w.run != o.run || o.run.stopping {
		return
	}
	if w.begun {
		o.run.ready = append(o.run.ready, w.node)
		return
	}
	if o.waitsAt(row, hookAfter(row.Action), row.Action) {
		return
	}
	o.settle(w.node, row)
}

func keepResult(r *stoker.Resource, res stoker.Result) {
	if res.PhysicalID != "" {
		r.PhysicalID = res.PhysicalID
	}
	if res.Data != nil {
		r.Data = res.Data
	}
}
