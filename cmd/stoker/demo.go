package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
)

const demoHelp = `Run the main job by itself, in a temporary folder: start Stoker, create a stack,
send it more load than one server can take, watch servers being added, take the load away,
watch them drained and removed, delete the stack, and tell how it went. It ends within
90 seconds and fails when one request failed, or the group did not grow and shrink.`

func (s *session) demo() *cobra.Command {
	d := demo{session: s}
	c := &cobra.Command{
		Use: "demo --template TEMPLATE", Short: "Run the main job by itself, and tell how it went", Long: demoHelp, Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeoutCause(c.Context(), demoLimit, errors.New("the demonstration did not end in time"))
			defer cancel()
			return d.run(ctx)
		},
	}
	c.Flags().StringVarP(&d.template, "template", "t", "examples/hello/hello.yaml", "template with an output \"url\" and one group")
	c.Flags().IntVar(&d.low, "low", 40, "requests per second without load")
	c.Flags().IntVar(&d.high, "high", 500, "requests per second under load")
	return c
}

// The times of the story.
const (
	demoLimit   = 85 * time.Second
	calmTime    = 4 * time.Second  // before the load
	stepTime    = 8 * time.Second  // under load, while it grows
	steadyTime  = 8 * time.Second  // under load, grown
	shrinkLimit = 50 * time.Second // without load, until the size is what it was
)

// The phases of the load.
const (
	phaseCalm = iota
	phaseStep
	phaseSteady
	phaseAfter
)

// demo is one run of the demonstration.
type demo struct {
	*session
	template  string
	low, high int

	cl    *client.Client
	watch *watcher
	load  *load
	begun time.Time

	before, peak, after int           // members that serve
	reaction            time.Duration // from the load to the first new member that serves
}

func (d *demo) run(ctx context.Context) (err error) {
	d.begun = time.Now()
	dir, err := os.MkdirTemp("", "stoker-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	request, err := client.Bundle(d.template, nil)
	if err != nil {
		return err
	}
	request.Name = nameFor(d.template)
	cfg := app.Default()
	cfg.Executable, cfg.Version, cfg.Data, cfg.Listen, cfg.Driver = executable(), version, dir, "127.0.0.1:0", "process"
	d.say("Starting Stoker: one process, everything built in, data in %s", dir)
	local, err := startLocal(ctx, cfg)
	if err != nil {
		return err
	}
	d.cl = local.client
	err = d.story(ctx, request)
	err = errors.Join(err, d.clean(ctx), local.stop())
	if err != nil {
		return err
	}
	return d.summary()
}

// say tells of a step, with the time since the start.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.out, "%5.1fs  %s\n", time.Since(d.begun).Seconds(), fmt.Sprintf(format, args...))
}

func (d *demo) story(ctx context.Context, request client.Request) error {
	d.say("Creating the stack %s from %s", request.Name, d.template)
	id, err := d.cl.Create(ctx, request)
	if err != nil {
		return err
	}
	d.watch = newWatcher(d.cl, id)
	url, err := d.serving(ctx)
	if err != nil {
		return err
	}
	d.say("It serves at %s", url)
	d.load = newLoad(url)
	d.load.begin(phaseCalm, d.low)
	sending, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.load.run(sending)
	}()
	err = d.scaling(ctx)
	stop()
	<-done
	return err
}

// serving waits until the stack is complete and its URL answers.
func (d *demo) serving(ctx context.Context) (url string, err error) {
	err = every(ctx, poll/4, func() (bool, error) {
		s, err := d.look(ctx)
		if err != nil {
			return false, err
		}
		switch {
		case strings.HasSuffix(s.stack.Status, "_FAILED"):
			return false, failedStack(s.stack)
		case s.stack.Status != "CREATE_COMPLETE":
			return false, nil
		}
		for _, o := range s.stack.Outputs {
			if o.Key == "url" {
				url = plain(o.Value)
			}
		}
		if url == "" || len(s.groups) == 0 {
			return false, &failedError{fmt.Sprintf("the template %s has no output \"url\", or no group", d.template)}
		}
		return answers(ctx, url), nil
	})
	return url, err
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// look looks at the stack and tells what is new of the group's members.
func (d *demo) look(ctx context.Context) (*sight, error) {
	s, err := d.watch.look(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range s.news {
		if telling(n) {
			d.say("  %s", n.line)
		}
	}
	if len(s.groups) > 0 {
		d.after = s.groups[0].Serving
		d.peak = max(d.peak, d.after)
	}
	return s, nil
}

// telling leaves out what happens inside of members, and what only begins.
func telling(n news) bool {
	decision := n.status == ""
	begins := strings.HasSuffix(n.status, "_IN_PROGRESS") || strings.HasPrefix(n.status, "UPDATE_COMPLETE")
	return decision || strings.Count(n.place, "/") < 2 && !begins
}

// scaling is the load's story: calm, load, calm.
func (d *demo) scaling(ctx context.Context) error {
	d.say("%d requests per second, which one server can take", d.low)
	if err := d.pass(ctx, calmTime, nil); err != nil {
		return err
	}
	d.before = d.after
	d.say("%d requests per second, more than it can take", d.high)
	d.load.begin(phaseStep, d.high)
	stepped := time.Now()
	if err := d.pass(ctx, stepTime, func(*sight) bool {
		if d.reaction == 0 && d.after > d.before {
			d.reaction = time.Since(stepped)
		}
		return false
	}); err != nil {
		return err
	}
	d.say("still %d requests per second, on %d servers", d.high, d.after)
	d.load.begin(phaseSteady, d.high)
	if err := d.pass(ctx, steadyTime, nil); err != nil {
		return err
	}
	d.say("%d requests per second again", d.low)
	d.load.begin(phaseAfter, d.low)
	return d.pass(ctx, shrinkLimit, func(s *sight) bool { return d.after <= d.before && !s.groups[0].InFlight })
}

// pass looks until a time is over, or enough says so (nil: never).
func (d *demo) pass(ctx context.Context, limit time.Duration, enough func(*sight) bool) error {
	end := time.Now().Add(limit)
	return every(ctx, poll/4, func() (bool, error) {
		s, err := d.look(ctx)
		if err != nil {
			return false, err
		}
		return time.Now().After(end) || enough != nil && enough(s), nil
	})
}

// clean deletes the stack, also when the story was broken off.
func (d *demo) clean(ctx context.Context) error {
	if d.watch == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	d.say("Deleting the stack")
	if err := d.cl.Delete(ctx, d.watch.id); err != nil {
		return err
	}
	return every(ctx, poll, func() (bool, error) {
		s, err := d.watch.look(ctx)
		if err != nil {
			return false, err
		}
		if s.stack.Status == "DELETE_FAILED" {
			return false, failedStack(s.stack)
		}
		return s.stack.Status == "DELETE_COMPLETE", nil
	})
}

// summary tells how it went, and fails when it did not go as it should.
func (d *demo) summary() error {
	sent, failed, fault := d.load.totals()
	t := &rows{}
	t.add("requests sent", sent)
	t.add("requests failed", failed)
	t.add("members", fmt.Sprintf("%d, at the peak %d, in the end %d", d.before, d.peak, d.after))
	t.add("from load to new capacity", d.reaction.Round(10*time.Millisecond))
	for _, p := range []struct {
		phase int
		name  string
	}{
		{phaseCalm, "before the load"}, {phaseStep, "while it grew"}, {phaseSteady, "grown"}, {phaseAfter, "after the load"},
	} {
		q := d.load.quantiles(p.phase, 0.5, 0.99)
		t.add("latency "+p.name, fmt.Sprintf("p50 %s, p99 %s", q[0], q[1]))
	}
	fmt.Fprintf(d.out, "\n%s\n", t.render())
	switch {
	case failed > 0:
		return &failedError{fmt.Sprintf("%d requests failed, the first: %v", failed, fault)}
	case d.peak <= d.before:
		return &failedError{"the group did not grow"}
	case d.after >= d.peak:
		return &failedError{"the group did not shrink"}
	}
	return nil
}
