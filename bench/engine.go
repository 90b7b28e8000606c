package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/seal"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/sqldb"
)

// engine is a real engine on a real database file.
type engine struct {
	*stack.Engine
	stop func()
}

func startEngine(ctx context.Context, dir string) (*engine, error) {
	key, err := seal.LoadOrCreate(filepath.Join(dir, "key"))
	if err != nil {
		return nil, err
	}
	store, err := sqldb.Open(ctx, sqldb.Config{DSN: filepath.Join(dir, "stoker.db"), Key: key})
	if err != nil {
		return nil, err
	}
	e := stack.New(stack.Config{Store: store})
	e.Register(heat.Types(heat.Deps{Groups: e, Data: e}))
	ctx, cancel := context.WithCancel(ctx)
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- e.Run(ctx, ready) }()
	select {
	case <-ready:
	case err := <-done:
		cancel()
		return nil, err
	}
	return &engine{Engine: e, stop: func() { cancel(); <-done; store.Close() }}, nil
}

// many is a template of n resources of one definition.
func many(n int, def string) stoker.StackSpec {
	var b strings.Builder
	b.WriteString("heat_template_version: 2021-04-16\nresources:\n")
	for i := range n {
		fmt.Fprintf(&b, "  r%d: %s\n", i, strings.ReplaceAll(def, "%i", fmt.Sprint(i)))
	}
	return stoker.StackSpec{Template: b.String()}
}

// median of several runs, each told how long it took.
func median(runs int, f func(i int) (time.Duration, error)) (time.Duration, error) {
	var ds []time.Duration
	for i := range runs {
		d, err := f(i)
		if err != nil {
			return 0, err
		}
		ds = append(ds, d)
	}
	slices.Sort(ds)
	return ds[len(ds)/2], nil
}

func took(what string, d, target time.Duration) figure {
	return figure{what: what, got: d.Round(10 * time.Microsecond).String(), target: "< " + target.String(), missed: d >= target}
}

// finish waits for the end of an operation and wants it well.
func (e *engine) finish(ctx context.Context, id stoker.StackID) error {
	st, err := e.Await(ctx, id)
	if err == nil && st.Status != stoker.StatusComplete {
		err = fmt.Errorf("stack %s is %s: %s", st.Name, st.State(), st.StatusReason)
	}
	return err
}

func benchEngine(ctx context.Context, b *bench) ([]figure, error) {
	e, err := startEngine(ctx, b.dir)
	if err != nil {
		return nil, err
	}
	defer e.stop()
	var deletes []time.Duration
	create, err := median(5, func(i int) (time.Duration, error) {
		start := time.Now()
		st, err := e.Create(ctx, stack.Input{Name: fmt.Sprintf("none%d", i), Spec: many(1000, "{type: OS::Heat::None}"), DisableRollback: true})
		if err != nil {
			return 0, err
		}
		if err := e.finish(ctx, st.ID); err != nil {
			return 0, err
		}
		created := time.Since(start)
		start = time.Now()
		if err := e.Delete(ctx, st.ID); err != nil {
			return 0, err
		}
		if err := e.finish(ctx, st.ID); err != nil {
			return 0, err
		}
		deletes = append(deletes, time.Since(start))
		return created, nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(deletes)
	update, err := benchUpdate(ctx, e)
	if err != nil {
		return nil, err
	}
	return []figure{
		took("create 1,000 OS::Heat::None, durable", create, 500*time.Millisecond),
		took("update 1 of 1,000 OS::Heat::Value", update, 60*time.Millisecond),
		took("delete 1,000 OS::Heat::None", deletes[len(deletes)/2], 500*time.Millisecond),
	}, nil
}

func benchUpdate(ctx context.Context, e *engine) (time.Duration, error) {
	spec := many(1000, "{type: OS::Heat::Value, properties: {value: v%i}}")
	st, err := e.Create(ctx, stack.Input{Name: "values", Spec: spec, DisableRollback: true})
	if err != nil {
		return 0, err
	}
	if err := e.finish(ctx, st.ID); err != nil {
		return 0, err
	}
	// The user's wait begins when the template is handed in.
	return median(40, func(i int) (time.Duration, error) {
		next := spec
		next.Template = strings.Replace(spec.Template, "value: v500}", fmt.Sprintf("value: changed%d}", i), 1)
		start := time.Now()
		if err := e.Update(ctx, st.ID, stack.Input{Spec: next, DisableRollback: true}); err != nil {
			return 0, err
		}
		err := e.finish(ctx, st.ID)
		return time.Since(start), err
	})
}

const scaledGroup = `
heat_template_version: 2021-04-16
resources:
  group:
    type: OS::Heat::AutoScalingGroup
    properties: {min_size: 0, max_size: 2000, desired_capacity: %d, resource: {type: OS::Heat::RandomString, properties: {length: 16}}}
  up:
    type: OS::Heat::ScalingPolicy
    properties: {auto_scaling_group_id: {get_resource: group}, adjustment_type: change_in_capacity, scaling_adjustment: 50}
outputs:
  group: {value: {get_resource: group}}
`

func benchGroup(ctx context.Context, b *bench) ([]figure, error) {
	e, err := startEngine(ctx, b.dir)
	if err != nil {
		return nil, err
	}
	defer e.stop()
	grow, err := median(5, func(i int) (time.Duration, error) {
		st, group, err := e.group(ctx, fmt.Sprintf("group%d", i), 1)
		if err != nil {
			return 0, err
		}
		start := time.Now()
		if err := e.Signal(ctx, st, "up", nil); err != nil {
			return 0, err
		}
		if err := e.finish(ctx, group); err != nil {
			return 0, err
		}
		d := time.Since(start)
		if g, err := e.Group(ctx, group); err != nil || len(g.Members) != 51 {
			return 0, fmt.Errorf("the group has %d members, want 51: %w", len(g.Members), err)
		}
		return d, nil
	})
	if err != nil {
		return nil, err
	}
	plan, err := benchmark(ctx, "./stack", "BenchmarkPlanThousand")
	if err != nil {
		return nil, err
	}
	return []figure{
		took("group 1 -> 51 of RandomString by signal", grow, 100*time.Millisecond),
		took("plan of a group of 1,000", time.Duration(plan["ns/op"]), 5*time.Millisecond),
	}, nil
}

func (e *engine) group(ctx context.Context, name string, size int) (st, group stoker.StackID, err error) {
	made, err := e.Create(ctx, stack.Input{Name: name, Spec: stoker.StackSpec{Template: fmt.Sprintf(scaledGroup, size)}, DisableRollback: true})
	if err != nil {
		return "", "", err
	}
	if err := e.finish(ctx, made.ID); err != nil {
		return "", "", err
	}
	v, err := e.Show(ctx, made.ID)
	if err != nil {
		return "", "", err
	}
	return made.ID, stoker.StackID(fmt.Sprint(v.Outputs[0].Value)), nil
}
