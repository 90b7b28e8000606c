package native

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/wire"
)

func groupOf(g *stoker.Group, last *stoker.Decision) wire.Group {
	out := wire.Group{
		ID: string(g.ID), Name: g.Name, Project: string(g.Project), Stack: string(g.Stack), Resource: string(g.Resource),
		Min: g.Min, Max: g.Max, Size: g.Size, InFlight: g.InFlight, Failed: g.Failed, StatusReason: g.StatusReason,
		CooldownEnd: instant(g.CooldownEnd), FrozenUntil: instant(g.FrozenUntil), FrozenReason: g.FrozenReason,
		Members: make([]wire.Member, 0, len(g.Members)),
	}
	for _, m := range g.Members {
		if m.Status == stoker.StatusComplete && m.Action != stoker.ActionDelete && m.Action != stoker.ActionInit {
			out.Serving++
		}
		out.Members = append(out.Members, wire.Member{
			Name: string(m.Name), PhysicalID: string(m.PhysicalID), Status: stoker.State(m.Action, m.Status), Reason: m.Reason, Created: m.Created,
		})
	}
	if last != nil {
		d := decisionOf(last)
		out.Last = &d
	}
	return out
}

func decisionOf(d *stoker.Decision) wire.Decision {
	return wire.Decision{
		Seq: d.Seq, Scaler: string(d.Scaler), Group: string(d.Group), Time: d.Time, LastTime: d.LastTime, Count: d.Count,
		From: d.From, To: d.To, Wish: d.Wish, Why: d.Why, Limiter: d.Limiter, Next: instant(d.Next), Signals: d.Signals, Error: d.Err,
	}
}

func (s *server) last(ctx context.Context, id stoker.StackID) (*stoker.Decision, error) {
	ds, err := s.Scaler.Decisions(ctx, stoker.DecisionFilter{Group: id, Limit: 1})
	if err != nil || len(ds) == 0 {
		return nil, err
	}
	return ds[len(ds)-1], nil
}

func (s *server) listGroups(ctx context.Context, c *call) (any, error) {
	groups, err := s.Engine.Groups(ctx, c.project, false)
	if err != nil {
		return nil, err
	}
	out := make([]wire.Group, 0, len(groups))
	for _, g := range groups {
		last, err := s.last(ctx, g.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, groupOf(g, last))
	}
	return map[string]any{"groups": out}, nil
}

// group is the group of a path: by its ID, as STACK/RESOURCE, or by the
// resource's name where only one group of the project has it.
func (s *server) group(ctx context.Context, c *call) (*stoker.Group, error) {
	want := c.PathValue("group")
	groups, err := s.Engine.Groups(ctx, c.project, false)
	if err != nil {
		return nil, err
	}
	return choose(groups, want)
}

func choose(groups []*stoker.Group, want string) (*stoker.Group, error) {
	var named []*stoker.Group
	for _, g := range groups {
		if string(g.ID) == want || g.Name == want {
			return g, nil
		}
		if string(g.Resource) == want {
			named = append(named, g)
		}
	}
	switch len(named) {
	case 1:
		return named[0], nil
	case 0:
		return nil, &stoker.Error{Kind: stoker.NotFound, Message: fmt.Sprintf("there is no group %q", want),
			Hint: "stoker group list shows the groups there are."}
	}
	names := make([]string, len(named))
	for i, g := range named {
		names[i] = g.Name
	}
	return nil, &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("several groups are called %q: %s", want, strings.Join(names, ", ")),
		Hint: "Name it as STACK/RESOURCE."}
}

func (s *server) showGroup(ctx context.Context, c *call) (any, error) {
	g, err := s.group(ctx, c)
	if err != nil {
		return nil, err
	}
	last, err := s.last(ctx, g.ID)
	if err != nil {
		return nil, err
	}
	return map[string]any{"group": groupOf(g, last)}, nil
}

// resize sets the size by hand. A size that the group's bounds do not allow is
// refused: a person wants to hear of it.
func (s *server) resize(ctx context.Context, c *call) (any, error) {
	var body wire.Resize
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	g, err := s.group(ctx, c)
	if err != nil {
		return nil, err
	}
	switch {
	case body.Size == nil:
		return nil, stoker.Errorf(stoker.Invalid, "size: it is missing")
	case *body.Size < g.Min || *body.Size > g.Max:
		return nil, &stoker.Error{Kind: stoker.Invalid, Path: "size", Message: fmt.Sprintf("%d is not within the bounds of %s, %d to %d", *body.Size, g.Name, g.Min, g.Max),
			Hint: "Change the bounds in the template, and update the stack."}
	}
	reason := body.Reason
	if reason == "" {
		reason = "by hand"
	}
	if err := s.Engine.Resize(ctx, g.ID, *body.Size, reason); err != nil {
		return nil, err
	}
	return s.showGroup(ctx, c)
}

func (s *server) freeze(ctx context.Context, c *call) (any, error) {
	var body wire.Freeze
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	g, err := s.group(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := s.Engine.Freeze(ctx, g.ID, body.Until.UTC(), body.Reason); err != nil {
		return nil, err
	}
	return s.showGroup(ctx, c)
}

// decisions tells why a group has its size.
func (s *server) decisions(ctx context.Context, c *call) (any, error) {
	f, err := decisionFilter(c)
	if err != nil {
		return nil, err
	}
	g, err := s.group(ctx, c)
	if err != nil {
		return nil, err
	}
	f.Group = g.ID
	ds, err := s.Scaler.Decisions(ctx, f)
	if err != nil {
		return nil, err
	}
	out := make([]wire.Decision, 0, len(ds))
	for _, d := range ds {
		out = append(out, decisionOf(d))
	}
	return map[string]any{"decisions": out}, nil
}

// maxDecisions bounds an answer that asks for no limit.
const maxDecisions = 1000

func decisionFilter(c *call) (stoker.DecisionFilter, error) {
	q := c.URL.Query()
	f := stoker.DecisionFilter{Limit: maxDecisions}
	var err error
	if text := q.Get("since"); text != "" {
		if f.Since, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return f, stoker.Errorf(stoker.Invalid, "since: want a time like 2026-01-02T15:04:05Z, not %q", text)
		}
	}
	if text := q.Get("changes"); text != "" {
		if f.Changes, err = strconv.ParseBool(text); err != nil {
			return f, stoker.Errorf(stoker.Invalid, "changes: want true or false, not %q", text)
		}
	}
	if text := q.Get("limit"); text != "" {
		if f.Limit, err = strconv.Atoi(text); err != nil || f.Limit < 1 || f.Limit > 100*maxDecisions {
			return f, stoker.Errorf(stoker.Invalid, "limit: want a number from 1 to %d, not %q", 100*maxDecisions, text)
		}
	}
	return f, nil
}
