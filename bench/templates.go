package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/stack"
)

// benchTemplates measures large templates, trees of nested stacks, and many short
// lives of stacks.
func benchTemplates(ctx context.Context, b *bench) ([]figure, error) {
	dir, err := os.MkdirTemp(b.dir, "templates")
	if err != nil {
		return nil, err
	}
	e, err := startEngine(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer e.stop()
	var out []figure
	for _, m := range []func(context.Context, *engine) (figure, error){largeTemplate, denseTemplate, nestedTree, crowd, endedStacks} {
		f, err := m(ctx, e)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// largeTemplate parses and validates as long a template as there may be.
func largeTemplate(ctx context.Context, e *engine) (figure, error) {
	return longest(ctx, e, "", "{type: OS::Heat::Value, properties: {value: {list_join: ['-', ['%i', "+strings.Repeat("some words ", 40)+"]]}}}")
}

// denseTemplate does the same where all values are short.
func denseTemplate(ctx context.Context, e *engine) (figure, error) {
	return longest(ctx, e, " of short values", `
    type: OS::Heat::Value
    properties:
      type: json
      value:
        image: web
        networks:
        - network: front
        - network: back
        metadata:
          role: web
          name: {list_join: ['-', [web, {get_param: "OS::stack_name"}]]}`)
}

func longest(ctx context.Context, e *engine, what, def string) (figure, error) {
	n := 1
	for len(many(n, def).Template) < hot.MaxTemplateSize-200 {
		n += 100
	}
	spec := many(n-100, def)
	const runs = 5
	before := processorTime()
	d, err := median(runs, func(i int) (time.Duration, error) {
		spec.Template += "# " + fmt.Sprint(i) + "\n" // another text each time, so that nothing is remembered
		begin := time.Now()
		err := e.Validate(ctx, stack.Input{Name: "large", Project: "bench", Spec: spec})
		return time.Since(begin), err
	})
	f := took(fmt.Sprintf("parse and validate %d KiB%s, %d resources", len(spec.Template)>>10, what, n-100), d, 100*time.Millisecond)
	f.note = fmt.Sprintf("%v of processors, collecting garbage included", ((processorTime() - before) / runs).Round(time.Millisecond))
	return f, err
}

// processorTime is what this process has had of processors: on a machine that does other
// things too it tells more than a clock.
func processorTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// nestedTree makes 125 nested stacks, in three levels of five each.
func nestedTree(ctx context.Context, e *engine) (figure, error) {
	five := func(inner string) string {
		var b strings.Builder
		b.WriteString("heat_template_version: 2021-04-16\nresources:\n")
		for i := range 5 {
			fmt.Fprintf(&b, "  r%d: {type: %s}\n", i, inner)
		}
		return b.String()
	}
	spec := stoker.StackSpec{Template: five("b.yaml"), Files: map[string]string{
		"b.yaml": five("c.yaml"), "c.yaml": five("d.yaml"), "d.yaml": "heat_template_version: 2021-04-16\nresources: {v: {type: OS::Heat::RandomString}}\n",
	}}
	d, err := median(3, func(i int) (time.Duration, error) {
		begin := time.Now()
		if err := live(ctx, e, fmt.Sprintf("tree%d", i), spec, false); err != nil {
			return 0, err
		}
		return time.Since(begin), nil
	})
	return took("create a tree of 5 + 25 + 125 nested stacks", d, time.Second), err
}

// live makes a stack, and deletes it again if that is asked for.
func live(ctx context.Context, e *engine, name string, spec stoker.StackSpec, end bool) error {
	st, err := e.Create(ctx, stack.Input{Name: name, Project: "bench", Spec: spec})
	if err != nil {
		return err
	}
	done, err := e.Await(ctx, st.ID)
	if err == nil && done.State() != "CREATE_COMPLETE" {
		err = fmt.Errorf("stack %s is %s: %s", name, done.State(), done.StatusReason)
	}
	if err != nil || !end {
		return err
	}
	if err := e.Delete(ctx, st.ID); err != nil {
		return err
	}
	_, err = e.Await(ctx, st.ID)
	return err
}

// crowd makes and lists 2,000 times, 20 at once.
func crowd(ctx context.Context, e *engine) (figure, error) {
	const times, at = 2000, 20
	spec := many(1, "{type: OS::Heat::RandomString}")
	work, errs := make(chan int), make(chan error, times)
	var wg sync.WaitGroup
	begin := time.Now()
	for range at {
		wg.Go(func() {
			for i := range work {
				err := live(ctx, e, fmt.Sprintf("crowd%d", i), spec, true)
				if err == nil {
					_, err = e.Stacks(ctx, stoker.StackFilter{Project: "bench", Brief: true, Limit: 20})
				}
				errs <- err
			}
		})
	}
	for i := range times {
		work <- i
	}
	close(work)
	wg.Wait()
	close(errs)
	bad := 0
	for err := range errs {
		if err != nil {
			bad++
		}
	}
	return figure{what: "2,000 times create, list and delete, 20 at once", got: fmt.Sprintf("%d errors", bad), target: "0 errors",
		note: fmt.Sprintf("%v, %.0f/s", time.Since(begin).Round(time.Millisecond), times/time.Since(begin).Seconds()), missed: bad > 0}, nil
}

// endedStacks tells how much more memory 2,000 ended stacks take.
func endedStacks(ctx context.Context, e *engine) (figure, error) {
	spec := many(10, "{type: OS::Heat::RandomString}")
	heap := func() float64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / (1 << 20)
	}
	for i := range 200 { // what grows once, like caches, has grown
		if err := live(ctx, e, fmt.Sprintf("warm%d", i), spec, true); err != nil {
			return figure{}, err
		}
	}
	before := heap()
	for i := range 2000 {
		if err := live(ctx, e, fmt.Sprintf("end%d", i), spec, true); err != nil {
			return figure{}, err
		}
	}
	grown := heap() - before
	return figure{what: "heap after 2,000 more ended stacks", got: fmt.Sprintf("%+.1f MB", grown), target: "< 4 MB", missed: grown > 4}, nil
}
