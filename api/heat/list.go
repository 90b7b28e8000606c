package heat

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/stoker-project/stoker"
)

// listStacks is GET /stacks.
func (s *server) listStacks(ctx context.Context, c *call) (reply, error) {
	l, err := s.list(ctx, c)
	if err != nil {
		return reply{}, err
	}
	out := make([]summary, 0, len(l.stacks))
	for _, st := range l.stacks {
		sum := summaryOf(c.Request, st)
		if c.grant.Admin {
			sum.Project = st.Project
		}
		out = append(out, sum)
	}
	return reply{body: l.body(c, out)}, nil
}

// listDetails is GET /stacks/detail.
func (s *server) listDetails(ctx context.Context, c *call) (reply, error) {
	l, err := s.list(ctx, c)
	if err != nil {
		return reply{}, err
	}
	out := make([]full, 0, len(l.stacks))
	for _, st := range l.stacks {
		v, err := s.engine.Show(ctx, st.ID)
		if stoker.IsKind(err, stoker.NotFound) {
			continue // gone meanwhile
		}
		if err != nil {
			return reply{}, err
		}
		out = append(out, fullOf(c.Request, v, false))
	}
	return reply{body: l.body(c, out)}, nil
}

// listing is one page of a list of stacks.
type listing struct {
	stacks []*stoker.Stack
	count  *int // of all pages; nil when not asked for
	more   bool
}

func (l *listing) body(c *call, stacks any) map[string]any {
	out := map[string]any{"stacks": stacks}
	if l.more {
		q := c.URL.Query()
		q.Set("marker", string(l.stacks[len(l.stacks)-1].ID))
		out["links"] = []link{{base(c.Request) + c.URL.EscapedPath() + "?" + q.Encode(), "next"}}
	}
	if l.count != nil {
		out["count"] = *l.count
	}
	return out
}

func (s *server) list(ctx context.Context, c *call) (*listing, error) {
	q := c.URL.Query()
	f, page, err := stackFilter(q, c)
	if err != nil {
		return nil, err
	}
	if page.simple() {
		f.Marker, f.Limit = page.marker, page.limit
	}
	all, err := s.engine.Stacks(ctx, f)
	if err != nil {
		return nil, err
	}
	if page.simple() {
		return &listing{stacks: all, more: page.limit > 0 && len(all) == page.limit}, nil
	}
	return page.of(all)
}

// page is what a store does not do for us: filters and orders of its own.
type page struct {
	marker stoker.StackID
	limit  int
	count  bool
	sort   string
	desc   bool
	match  []func(*stoker.Stack) bool
}

func (p *page) simple() bool { return len(p.match) == 0 && p.sort == "" && !p.count }

func (p *page) of(all []*stoker.Stack) (*listing, error) {
	all = slices.DeleteFunc(slices.Clone(all), func(st *stoker.Stack) bool {
		return slices.ContainsFunc(p.match, func(f func(*stoker.Stack) bool) bool { return !f(st) })
	})
	if key := stackKeys[p.sort]; key != nil {
		slices.SortStableFunc(all, func(a, b *stoker.Stack) int {
			n := cmp.Or(key(a, b), cmp.Compare(a.ID, b.ID))
			if p.desc {
				return -n
			}
			return n
		})
	}
	l := &listing{stacks: all}
	if p.count {
		n := len(all)
		l.count = &n
	}
	if p.marker != "" {
		i := slices.IndexFunc(all, func(st *stoker.Stack) bool { return st.ID == p.marker })
		if i < 0 {
			return nil, &stoker.Error{Kind: stoker.NotFound, Type: "EntityNotFound", Message: "The marker " + strconv.Quote(string(p.marker)) + " could not be found."}
		}
		l.stacks = all[i+1:]
	}
	if p.limit > 0 && len(l.stacks) >= p.limit {
		l.stacks, l.more = l.stacks[:p.limit], true
	}
	return l, nil
}

// stackKeys are the orders that clients may ask for; others are passed over, as
// in Heat.
var stackKeys = map[string]func(a, b *stoker.Stack) int{
	"stack_name":    func(a, b *stoker.Stack) int { return cmp.Compare(a.Name, b.Name) },
	"stack_status":  func(a, b *stoker.Stack) int { return cmp.Compare(a.State(), b.State()) },
	"creation_time": func(a, b *stoker.Stack) int { return a.Created.Compare(b.Created) },
	"updated_time":  func(a, b *stoker.Stack) int { return a.Updated.Compare(b.Updated) },
}

// stackFilter reads a query: what the store does, and the page that it does not.
func stackFilter(q url.Values, c *call) (stoker.StackFilter, *page, error) {
	f := stoker.StackFilter{Project: c.project, Brief: true}
	p := &page{marker: stoker.StackID(q.Get("marker"))}
	for _, b := range []struct {
		name string
		to   *bool
	}{{"show_deleted", &f.Deleted}, {"show_nested", &f.Nested}, {"show_hidden", new(bool)}, {"global_tenant", &f.AllProjects}, {"with_count", &p.count}} {
		var err error
		if *b.to, err = queryBool(q, b.name, false); err != nil {
			return f, nil, err
		}
	}
	if f.AllProjects && !c.grant.Admin {
		return f, nil, &stoker.Error{Kind: stoker.Forbidden, Type: "Forbidden", Message: "You are not authorized to use global_index."}
	}
	var err error
	if p.limit, err = queryInt(q, "limit"); err != nil {
		return f, nil, err
	}
	if p.desc, err = queryDescending(q, true); err != nil {
		return f, nil, err
	}
	f.Oldest = !p.desc
	f.Tags = queryWords(q, "tags")
	for _, key := range queryWords(q, "sort_keys") {
		if stackKeys[key] != nil {
			p.sort = key
			break
		}
	}
	p.match = append(matchers(q), tagMatchers(q)...)
	return f, p, nil
}

// stackFields are the filters of a list: the word in the query, and what it is
// compared with. The short words are the same under old names.
var stackFields = map[string]func(*stoker.Stack) string{
	"id":                    func(st *stoker.Stack) string { return string(st.ID) },
	"name":                  func(st *stoker.Stack) string { return st.Name },
	"stack_name":            func(st *stoker.Stack) string { return st.Name },
	"action":                func(st *stoker.Stack) string { return string(st.Action) },
	"stack_action":          func(st *stoker.Stack) string { return string(st.Action) },
	"stack_status_reason":   func(st *stoker.Stack) string { return st.StatusReason },
	"tenant":                func(st *stoker.Stack) string { return string(st.Project) },
	"stack_user_project_id": func(st *stoker.Stack) string { return string(st.Project) },
	"username":              func(st *stoker.Stack) string { return st.Owner },
	"stack_owner":           func(st *stoker.Stack) string { return st.Owner },
	"owner_id":              func(st *stoker.Stack) string { return string(st.Parent) },
	"parent":                func(st *stoker.Stack) string { return string(st.Parent) },
	"timeout_mins":          func(st *stoker.Stack) string { return strconv.Itoa(int(st.Timeout.Minutes())) },
	"disable_rollback":      func(st *stoker.Stack) string { return strconv.FormatBool(st.DisableRollback) },
}

func matchers(q url.Values) []func(*stoker.Stack) bool {
	var out []func(*stoker.Stack) bool
	for name, field := range stackFields {
		if want := q[name]; len(want) > 0 {
			out = append(out, func(st *stoker.Stack) bool {
				return slices.ContainsFunc(want, func(w string) bool { return strings.EqualFold(w, field(st)) })
			})
		}
	}
	for _, name := range []string{"status", "stack_status"} {
		if want := q[name]; len(want) > 0 {
			out = append(out, func(st *stoker.Stack) bool {
				return slices.Contains(want, string(st.Status)) || slices.Contains(want, st.State())
			})
		}
	}
	return out
}

func tagMatchers(q url.Values) []func(*stoker.Stack) bool {
	var out []func(*stoker.Stack) bool
	add := func(name string, match func(have, want []string) bool) {
		if want := queryWords(q, name); len(want) > 0 {
			out = append(out, func(st *stoker.Stack) bool { return match(st.Tags, want) })
		}
	}
	anyOf := func(have, want []string) bool {
		return slices.ContainsFunc(want, func(t string) bool { return slices.Contains(have, t) })
	}
	allOf := func(have, want []string) bool {
		return !slices.ContainsFunc(want, func(t string) bool { return !slices.Contains(have, t) })
	}
	add("tags_any", anyOf)
	add("not_tags", func(have, want []string) bool { return !allOf(have, want) })
	add("not_tags_any", func(have, want []string) bool { return !anyOf(have, want) })
	return out
}
