package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/client"
)

// watcher looks at one stack again and again, and remembers what it has seen.
// It belongs to one goroutine.
type watcher struct {
	cl *client.Client
	id string

	plain  bool                 // the server is a Heat, which knows no groups of ours
	marker string               // the last event seen
	seen   map[string]time.Time // by group: when its last decision seen was made
	places map[string]string    // by nested stack: where it is, web/0
}

// sight is how a stack is at one moment, and what is new since the last look.
type sight struct {
	stack     *client.Stack
	groups    []client.Group
	unsettled []client.Resource // not complete
	news      []news            // the oldest first
}

// news is one thing that happened.
type news struct {
	time time.Time
	line string
	// place and status are an event's; decisions have none.
	place, status string
}

func newWatcher(cl *client.Client, id string) *watcher {
	return &watcher{cl: cl, id: id, seen: map[string]time.Time{}, places: map[string]string{}}
}

// look looks once. What was before the watcher's first look is news too.
func (w *watcher) look(ctx context.Context) (*sight, error) {
	st, err := w.cl.Stack(ctx, w.id)
	if err != nil {
		return nil, err
	}
	out := &sight{stack: st}
	events, err := w.cl.Events(ctx, w.id, client.Events{Depth: nesting, Marker: w.marker})
	if err != nil {
		return nil, err
	}
	if st.Deleted == nil {
		if err := w.lookInside(ctx, out); err != nil {
			return nil, err
		}
	}
	for _, ev := range events {
		w.marker = ev.ID
		if ev.Stack == st.Name || ev.Resource != ev.Stack {
			out.news = append(out.news, w.newsOf(ev))
		}
	}
	slices.SortStableFunc(out.news, func(a, b news) int { return a.time.Truncate(time.Second).Compare(b.time.Truncate(time.Second)) })
	return out, nil
}

// newsOf tells an event with the place of its resource: web/0/server. (The events of
// nested stacks themselves are left out: those of the resources that they realise say
// the same.)
func (w *watcher) newsOf(ev client.Event) news {
	if place := w.places[ev.Stack]; place != "" {
		ev.Resource = place + "/" + ev.Resource
	}
	return news{time: ev.Time, line: eventLine(ev), place: ev.Resource, status: ev.Status}
}

// place remembers where a nested stack is. Its name begins with its parent's.
func (w *watcher) place(r client.Resource) {
	if r.Parent == "" || w.places[r.Stack] != "" {
		return
	}
	parent := ""
	for name := range w.places {
		if strings.HasPrefix(r.Stack, name+"-") && len(name) > len(parent) {
			parent = name
		}
	}
	w.places[r.Stack] = strings.TrimPrefix(w.places[parent]+"/"+r.Parent, "/")
}

func (w *watcher) lookInside(ctx context.Context, out *sight) error {
	resources, err := w.cl.Resources(ctx, w.id, nesting)
	if err != nil {
		return err
	}
	for _, r := range resources { // parents come before what is nested in them
		w.place(r)
		if !strings.HasSuffix(r.Status, "_COMPLETE") {
			out.unsettled = append(out.unsettled, r)
		}
	}
	if w.plain {
		return nil
	}
	groups, err := w.cl.Groups(ctx)
	if w.plain = stoker.IsKind(err, stoker.NotFound); w.plain {
		return nil
	}
	if err != nil {
		return err
	}
	for _, g := range groups {
		if g.Stack != w.id && !strings.HasPrefix(g.Name, out.stack.Name+"-") {
			continue // of another stack
		}
		out.groups = append(out.groups, g)
		if err := w.decisions(ctx, g, out); err != nil {
			return err
		}
	}
	slices.SortFunc(out.groups, func(a, b client.Group) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

// decisions adds the decisions that changed a group since the last look.
func (w *watcher) decisions(ctx context.Context, g client.Group, out *sight) error {
	if g.Last == nil {
		return nil
	}
	list, err := w.cl.Decisions(ctx, g.ID, client.Decisions{Since: w.seen[g.ID], Changes: true})
	if stoker.IsKind(err, stoker.NotFound) {
		return nil // it has gone since it was listed
	}
	if err != nil {
		return err
	}
	for i := range list {
		d := &list[i]
		if !d.Time.After(w.seen[g.ID]) {
			continue
		}
		w.seen[g.ID] = d.Time
		out.news = append(out.news, news{time: d.Time, line: d.Time.Local().Format("15:04:05") + "  " + g.Name + " " + sizes(d) + ": " + whyText(d)})
	}
	return nil
}
