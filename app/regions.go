package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/client"
	"github.com/stoker-project/stoker/client/cloud"
	"github.com/stoker-project/stoker/resource/heat"
)

func validateRegions(own string, rs map[string]CloudConfig) error {
	for _, name := range slices.Sorted(maps.Keys(rs)) {
		path := "regions." + name
		if name == own {
			return fault(path, "It is identity.region.", "this region is called so itself")
		}
		if err := rs[name].validate(path, "Heat", true, "make stacks there"); err != nil {
			return err
		}
	}
	return nil
}

func secretRegions(rs map[string]CloudConfig) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(rs)), CloudConfig.secret)
}

// regions makes stacks elsewhere.
type regions struct {
	config map[string]CloudConfig
	log    *slog.Logger
	logins *logins
}

func newRegions(config map[string]CloudConfig, log *slog.Logger) *regions {
	return &regions{config: config, log: log, logins: &logins{open: cloud.Open}}
}

// at is heat.Deps.Regions. It connects to nothing.
func (r *regions) at(project stoker.ProjectID, name string) (heat.Stacks, error) {
	c, ok := r.config[name]
	if !ok {
		return nil, &stoker.Error{Kind: stoker.Invalid, Message: "it is not known here",
			Hint: "The configuration of Stoker names other regions under regions."}
	}
	l, err := c.login(project, "regions."+name, "make stacks there")
	if err != nil {
		return nil, err
	}
	l.RegionName = cmp.Or(l.RegionName, name)
	return &elsewhere{region: name, how: l, logins: r.logins, log: r.log.With("region", name)}, nil
}

// The pauses between two looks at a stack elsewhere, and how long a server there may
// take for one answer.
const (
	firstLook     = 250 * time.Millisecond
	lastLook      = 5 * time.Second
	regionTimeout = time.Minute
	beginTimeout  = 10 * time.Second
)

// elsewhere is the Heat of another region, for a project. Its stacks are told by their
// names: each has that of the resource that it is for, with 60 bits of the resource's ID.
type elsewhere struct {
	region string
	how    CloudLogin
	logins *logins
	log    *slog.Logger
}

var _ heat.Stacks = (*elsewhere)(nil)

func (e *elsewhere) connect(ctx context.Context) (*client.Client, error) {
	found, err := e.logins.connect(ctx, e.how)
	if err != nil {
		return nil, err
	}
	return client.New(client.Config{URL: found.URL, HTTP: found.HTTP})
}

// ask asks once.
func (e *elsewhere) ask(ctx context.Context, question func(context.Context, *client.Client) error) error {
	bounded, stop := context.WithTimeoutCause(ctx, regionTimeout, &stoker.Error{Kind: stoker.Unavailable, Message: "it does not answer in time"})
	defer stop()
	cl, err := e.connect(bounded)
	if err == nil {
		err = question(bounded, cl)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	kind := stoker.KindOf(err)
	if kind == stoker.Internal || errors.Is(err, io.ErrUnexpectedEOF) {
		kind = stoker.Unavailable // it broke off, or answered what it should not
	}
	out := &stoker.Error{Kind: kind, Message: fmt.Sprintf("Heat in region %q", e.region), Err: err}
	if known, ok := stoker.AsError(err); ok {
		out.Type = known.Type
	}
	return out
}

// until looks at a stack until it is as wanted. A region that does not answer is waited for
// as long as ctx lasts.
func (e *elsewhere) until(ctx context.Context, ident string, wanted func(*client.Stack) bool) (*client.Stack, error) {
	pause, silent := firstLook, false
	for {
		var st *client.Stack
		err := e.ask(ctx, func(ctx context.Context, cl *client.Client) (err error) {
			st, err = cl.Brief(ctx, ident)
			return err
		})
		switch {
		case ctx.Err() != nil:
			return nil, cmp.Or(err, context.Cause(ctx))
		case stoker.IsKind(err, stoker.Unavailable):
			if !silent {
				e.log.Warn("another region does not answer and is waited for", "stack", ident, "err", err)
			}
			silent = true
		case err != nil:
			return nil, err
		case wanted(st):
			return st, nil
		default:
			silent = false
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, cmp.Or(err, context.Cause(ctx))
		case <-t.C:
		}
		pause = min(2*pause, lastLook)
	}
}

// begun waits until a stack shows that what it was asked for has begun: Heat answers
// before. What has been over too soon to be seen is not waited for long.
func (e *elsewhere) begun(ctx context.Context, id string, shows func(*client.Stack) bool) error {
	bounded, stop := context.WithTimeout(ctx, beginTimeout)
	defer stop()
	_, err := e.until(bounded, id, shows)
	if bounded.Err() != nil && ctx.Err() == nil {
		return nil
	}
	return err
}

func idle(st *client.Stack) bool { return !strings.HasSuffix(st.Status, "_IN_PROGRESS") }

// PutStack implements heat.Stacks.
func (e *elsewhere) PutStack(ctx context.Context, w heat.StandingStack) (stoker.StackID, error) {
	no := true
	r := client.Request{Name: w.Name, Template: w.Template, Files: w.Files, Environment: w.Environment, Parameters: w.Parameters,
		TimeoutMins: int(w.Timeout / time.Minute), DisableRollback: &no}
	id := ""
	err := e.ask(ctx, func(ctx context.Context, cl *client.Client) (err error) {
		id, err = cl.Create(ctx, r)
		return err
	})
	if !stoker.IsKind(err, stoker.Exists) {
		return stoker.StackID(id), err
	}
	r.Name = "" // an update has none
	for {
		st, err := e.until(ctx, w.Name, idle)
		if err != nil {
			return "", err
		}
		err = e.ask(ctx, func(ctx context.Context, cl *client.Client) error { return cl.Update(ctx, st.ID, r) })
		if stoker.IsKind(err, stoker.Conflict) {
			continue // something else has begun there
		}
		if err == nil {
			err = e.begun(ctx, st.ID, func(now *client.Stack) bool {
				return !idle(now) || now.Updated != nil && (st.Updated == nil || !now.Updated.Equal(*st.Updated))
			})
		}
		return stoker.StackID(st.ID), err
	}
}

// AwaitStack implements heat.Stacks.
func (e *elsewhere) AwaitStack(ctx context.Context, id stoker.StackID) error {
	st, err := e.until(ctx, string(id), idle)
	if err != nil {
		return err
	}
	return e.complete(st)
}

func (e *elsewhere) complete(st *client.Stack) error {
	action, status, _ := strings.Cut(st.Status, "_")
	if status == string(stoker.StatusComplete) && action != string(stoker.ActionDelete) && action != string(stoker.ActionRollback) {
		return nil
	}
	return &stoker.Error{Kind: stoker.Conflict, Type: "ResourceInError",
		Message: fmt.Sprintf("stack %s in region %q is %s: %s", st.Name, e.region, st.Status, st.StatusReason)}
}

// ActOnStack implements heat.Stacks.
func (e *elsewhere) ActOnStack(ctx context.Context, id stoker.StackID, action string) error {
	st, err := e.until(ctx, string(id), idle)
	if err != nil {
		return err
	}
	if st.Status == "DELETE_COMPLETE" {
		return stoker.Errorf(stoker.NotFound, "stack %s was deleted in region %q", st.Name, e.region)
	}
	if done(action, st.Status) {
		return nil
	}
	err = e.ask(ctx, func(ctx context.Context, cl *client.Client) error { return cl.Act(ctx, st.ID, action) })
	if err == nil {
		err = e.begun(ctx, st.ID, func(now *client.Stack) bool { return strings.HasPrefix(now.Status, strings.ToUpper(action)+"_") })
	}
	if err != nil {
		return err
	}
	return e.AwaitStack(ctx, id)
}

// StackOutputs implements heat.Stacks.
func (e *elsewhere) StackOutputs(ctx context.Context, id stoker.StackID) (map[string]any, error) {
	out := map[string]any{}
	err := e.ask(ctx, func(ctx context.Context, cl *client.Client) error {
		all, err := cl.Outputs(ctx, string(id))
		for _, o := range all {
			out[o.Key] = o.Value
		}
		return err
	})
	return out, err
}

// RemoveStack implements heat.Stacks.
func (e *elsewhere) RemoveStack(ctx context.Context, _ stoker.ProjectID, name string) error {
	st, err := e.until(ctx, name, func(*client.Stack) bool { return true })
	for asked := false; err == nil && st.Status != "DELETE_COMPLETE"; asked = true {
		if asked && st.Status == "DELETE_FAILED" {
			return e.complete(st)
		}
		if st.Status != "DELETE_IN_PROGRESS" {
			err = e.ask(ctx, func(ctx context.Context, cl *client.Client) error { return cl.Delete(ctx, st.ID) })
			if err != nil && !stoker.IsKind(err, stoker.Conflict) && !stoker.IsKind(err, stoker.Unavailable) {
				break
			}
		}
		st, err = e.until(ctx, st.ID, func(st *client.Stack) bool { return idle(st) })
	}
	if stoker.IsKind(err, stoker.NotFound) {
		return nil
	}
	return err
}
