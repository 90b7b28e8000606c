package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/client"
)

// poll is how often a server is asked while we wait.
const poll = 200 * time.Millisecond

// nesting is how deep events of nested stacks are followed.
const nesting = 5

// every calls f at once and then at the interval, until f says done, fails, or
// ctx ends.
func every(ctx context.Context, d time.Duration, f func() (done bool, err error)) error {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		if done, err := f(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// finish ends a create or update: it waits and shows the stack, or only says
// that it was begun.
func (s *session) finish(ctx context.Context, cl *client.Client, id, last string, wait bool) error {
	if wait {
		if err := s.follow(ctx, cl, id, last); err != nil {
			return err
		}
	}
	st, err := cl.Stack(ctx, id)
	if err != nil {
		return err
	}
	return s.showStack(st)
}

// follow shows what happens to a stack until its operation has ended. It fails
// when the operation does. last is the ID of the last event that is known already.
func (s *session) follow(ctx context.Context, cl *client.Client, id, last string) error {
	w := newWatcher(cl, id)
	w.marker = last
	return every(ctx, poll, func() (bool, error) {
		seen, err := w.look(ctx)
		if err != nil {
			return false, err
		}
		for _, n := range seen.news {
			fmt.Fprintln(s.err, n.line) // apart from the result
		}
		switch status := seen.stack.Status; {
		case strings.HasSuffix(status, "_IN_PROGRESS"):
			return false, nil
		case strings.HasSuffix(status, "_FAILED"), strings.HasPrefix(status, "ROLLBACK"):
			return false, failedStack(seen.stack)
		}
		return true, nil
	})
}

func eventLine(ev client.Event) string {
	line := fmt.Sprintf("%s  %-18s %s", ev.Time.Local().Format("15:04:05"), ev.Status, ev.Resource)
	if ev.Reason != "" && ev.Reason != "state changed" {
		line += ": " + ev.Reason
	}
	return line
}

// lastEvent gives the ID of a stack's newest event.
func (s *session) lastEvent(ctx context.Context, cl *client.Client, id string) (string, error) {
	events, err := cl.Events(ctx, id, client.Events{Depth: nesting})
	if err != nil || len(events) == 0 {
		return "", err
	}
	return events[len(events)-1].ID, nil
}

// followEvents prints events, those given first, until interrupted.
func (s *session) followEvents(ctx context.Context, cl *client.Client, id string, e client.Events, known []client.Event) error {
	for _, ev := range known {
		e.Marker = ev.ID
		fmt.Fprintln(s.out, eventLine(ev))
	}
	e.Limit = 0
	return every(ctx, poll, func() (bool, error) {
		events, err := cl.Events(ctx, id, e)
		for _, ev := range events {
			e.Marker = ev.ID
			fmt.Fprintln(s.out, eventLine(ev))
		}
		return false, err
	})
}

func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return when(*t)
}

func notOutput(key string, outs []client.Output) error {
	var names []string
	for _, o := range outs {
		names = append(names, o.Key)
	}
	slices.Sort(names)
	e := &stoker.Error{Kind: stoker.NotFound, Message: fmt.Sprintf("there is no output %q", key)}
	if len(names) > 0 {
		e.Hint = "Outputs are: " + strings.Join(names, ", ") + "."
	}
	return e
}
