package stack

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/value"
)

// member is one member of a group as its generated template declares it.
type member struct {
	name stoker.ResourceName
	def  json.RawMessage
	// failed and created order those that leave.
	failed  bool
	created time.Time
	// busy or failed: it is not in service, so a change costs nothing.
	unsettled bool
}

// members reads the group's generated template, in member order: by index, or
// the oldest first.
func (o *owner) members(st *stoker.Stack) ([]member, error) {
	return membersOf(st, o.rows)
}

func membersOf(st *stoker.Stack, rows *rows) ([]member, error) {
	if st.Spec.Template == "" {
		return nil, nil
	}
	out, ok := readTemplate(st.Spec.Template)
	if !ok {
		return nil, fmt.Errorf("the generated template of group %s is damaged", st.Name)
	}
	for i := range out {
		if r := rows.current(out[i].name); r != nil {
			out[i].failed, out[i].created = r.Status == stoker.StatusFailed, r.Created
			out[i].unsettled = r.Status != stoker.StatusComplete
		}
	}
	sortMembers(out, st.Group.Spec.Names)
	return out, nil
}

// sortMembers leaves those of a list as they are written: in its order.
func sortMembers(ms []member, names stoker.Naming) {
	if names == stoker.ByList {
		return
	}
	slices.SortFunc(ms, func(a, b member) int {
		if names == stoker.ByIndex {
			return cmp.Compare(index(a.name), index(b.name))
		}
		// A member that is not made yet is the newest.
		if a.created.IsZero() != b.created.IsZero() {
			if a.created.IsZero() {
				return 1
			}
			return -1
		}
		return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.name, b.name))
	})
}

func index(name stoker.ResourceName) int {
	n, err := strconv.Atoi(string(name))
	if err != nil {
		return -1
	}
	return n
}

// victims orders members by who leaves first: failed ones, then those that are
// not made yet, then (with Heat) the oldest; with names by index the highest.
func victims(ms []member, names stoker.Naming) []member {
	out := slices.Clone(ms)
	if names == stoker.ByIndex {
		slices.Reverse(out)
		return out
	}
	rank := func(m member) int {
		switch {
		case m.failed:
			return 0
		case m.created.IsZero():
			return 1
		}
		return 2
	}
	slices.SortStableFunc(out, func(a, b member) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}

// resized gives the members of a group after one step: size of them, of which up
// to update old ones get the group's new definition, and with them those that are
// not in service: a rollback must not wait for what it undoes. New members always have it. skip holds
// names not to be used; newName makes random ones. Pure but for newName.
func resized(ms []member, g *stoker.GroupState, size, update int, newName func() string) []member {
	if g.Spec.Names == stoker.ByList {
		return listed(ms, &g.Spec, size, update)
	}
	def := func(name stoker.ResourceName) json.RawMessage { return definition(&g.Spec, name) }
	if drop := len(ms) - size; drop > 0 {
		leave := map[stoker.ResourceName]bool{}
		for _, m := range victims(ms, g.Spec.Names)[:drop] {
			leave[m.name] = true
		}
		ms = slices.DeleteFunc(slices.Clone(ms), func(m member) bool { return leave[m.name] })
	}
	out := slices.Clone(ms)
	rolls := update > 0
	for i, m := range out {
		if update == 0 && !(rolls && m.unsettled) {
			continue
		}
		if d := def(m.name); !bytes.Equal(d, m.def) {
			out[i].def = d
			if !m.unsettled {
				update--
			}
		}
	}
	used := make(map[stoker.ResourceName]bool, size)
	for _, m := range out {
		used[m.name] = true
	}
	next := 0
	for len(out) < size {
		name := stoker.ResourceName("")
		if g.Spec.Names == stoker.ByIndex {
			for name = indexName(next); used[name] || slices.Contains(g.Skip, name); name = indexName(next) {
				next++
			}
		} else {
			name = stoker.ResourceName(newName())
		}
		used[name] = true
		out = append(out, member{name: name, def: def(name)})
	}
	sortMembers(out, g.Spec.Names)
	return out
}

// listed gives the first members of a list, of which up to update old ones get
// their new definition.
func listed(ms []member, s *stoker.GroupSpec, size, update int) []member {
	old := make(map[stoker.ResourceName]member, len(ms))
	for _, m := range ms {
		old[m.name] = m
	}
	var out []member
	for _, each := range s.Each[:min(size, len(s.Each))] {
		m, there := old[each.Name]
		d := json.RawMessage(mustJSON(each.Def))
		switch {
		case !there:
			m = member{name: each.Name, def: d}
		case update > 0 && !bytes.Equal(d, m.def):
			m.def = d
			update--
		}
		out = append(out, m)
	}
	return out
}

func indexName(n int) stoker.ResourceName { return stoker.ResourceName(strconv.Itoa(n)) }

// definition is the definition of one member. The encoding is canonical, so that
// definitions can be compared as bytes.
func definition(s *stoker.GroupSpec, name stoker.ResourceName) json.RawMessage {
	if s.Names == stoker.ByList {
		i := slices.IndexFunc(s.Each, func(m stoker.MemberSpec) bool { return m.Name == name })
		if i < 0 {
			return nil
		}
		return mustJSON(s.Each[i].Def)
	}
	if s.IndexVar == "" {
		return mustJSON(s.Member)
	}
	def := value.CloneMap(s.Member)
	if props, ok := def["properties"]; ok {
		def["properties"] = substitute(props, s.IndexVar, string(name))
	}
	return mustJSON(def)
}

// substitute replaces a text in all strings of a value, but not in keys.
func substitute(v any, old, now string) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, old, now)
	case []any:
		for i := range v {
			v[i] = substitute(v[i], old, now)
		}
	case map[string]any:
		for k := range v {
			v[k] = substitute(v[k], old, now)
		}
	}
	return v
}

// regroup applies a new group definition to st, and tells whether that changes
// anything. As in Heat, a desired size in the template overrides what scaling did.
func (o *owner) regroup(st *stoker.Stack, spec stoker.GroupSpec) (bool, error) {
	fresh := st.Group == nil
	g := stoker.GroupState{Spec: spec, Size: spec.Min}
	if !fresh {
		g = *st.Group
		g.Spec = spec
		if spec.RemoveMode == "update" {
			g.Skip = nil
		}
	}
	g.Size = wantedSize(spec, g.Size)
	if err := o.e.limits.checkSize(&spec, g.Size); err != nil {
		return false, err
	}
	g.CooldownEnd = o.now().Add(spec.Cooldown)
	before := st.Spec.Template
	ms, err := o.members(st)
	if err != nil {
		return false, err
	}
	if !fresh {
		ms = removeNamed(ms, &g, o.rows)
	}
	g.Batches, g.NextBatch, g.PauseUntil = planBatches(ms, &g, fresh), 0, time.Time{}
	st.Group = &g
	if len(g.Batches) == 0 {
		update := len(ms)
		if spec.KeepOld {
			update = 0
		}
		st.Spec.Template = template(&g, resized(ms, &g, g.Size, update, newName))
		return st.Spec.Template != before, nil
	}
	stepBatch(st, ms)
	return true, nil
}

// wantedSize is the size that a definition gives to a group of some size.
func wantedSize(spec stoker.GroupSpec, size int) int {
	if spec.Desired != nil {
		size = *spec.Desired
	}
	return min(max(size, spec.Min), spec.Max)
}

// maxGenerated bounds the generated template of a group, in bytes.
const maxGenerated = 64 << 20

// checkSize refuses a group that is larger than a stack may be, before its
// template is written: that alone could take all memory.
func (l Limits) checkSize(spec *stoker.GroupSpec, size int) error {
	if size > l.Resources {
		return tooMany(size, l.Resources)
	}
	each := len(mustJSON(spec.Member))
	if spec.Names == stoker.ByList {
		each = len(mustJSON(spec.Each)) / max(size, 1)
	}
	if each > maxGenerated/max(size, 1) {
		return &stoker.Error{Kind: stoker.Invalid, Type: "RequestLimitExceeded",
			Message: fmt.Sprintf("%d members of %d bytes each are more than a group can hold, %d bytes", size, each, maxGenerated),
			Hint:    "Move long texts from the group's definition into a template file."}
	}
	return nil
}

// planBatches gives the steps of a change that may not be done at once.
func planBatches(ms []member, g *stoker.GroupState, fresh bool) []stoker.GroupBatch {
	s := &g.Spec
	switch {
	case fresh && s.RollingCreate != nil && g.Size > 0:
		return createBatches(g.Size, s.RollingCreate.MaxBatch)
	case fresh || s.Rolling == nil || s.KeepOld:
		return nil
	}
	for _, m := range ms {
		if !bytes.Equal(m.def, definition(s, m.name)) {
			return batches(g.Size, len(ms), *s.Rolling, s.Names)
		}
	}
	return nil
}

// stepBatch makes the next batch what is wanted.
func stepBatch(st *stoker.Stack, ms []member) {
	g := *st.Group
	b := g.Batches[g.NextBatch]
	g.NextBatch++
	g.PauseUntil = time.Time{}
	st.Group = &g
	st.Spec.Template = template(&g, resized(ms, &g, b.Size, b.Update, newName))
}

// nextBatch goes on with a rolling update when a batch is done, after its pause.
func (o *owner) nextBatch() bool {
	g := o.st.Group
	if g == nil || g.NextBatch >= len(g.Batches) || o.st.Action == stoker.ActionDelete {
		return false
	}
	now := o.now()
	if g.PauseUntil.IsZero() {
		if d := rollingPause(g, o.st.Action); d > 0 {
			o.saveStack(func(st *stoker.Stack) {
				g := *st.Group
				g.PauseUntil = now.Add(d)
				st.Group = &g
			})
			return true
		}
	} else if now.Before(g.PauseUntil) {
		return true
	}
	ms, err := o.members(o.st)
	if err != nil {
		o.fail(err)
		return true
	}
	o.run.breakOff(nil)
	o.run = nil
	o.saveStack(func(st *stoker.Stack) {
		stepBatch(st, ms)
		st.Generation++
		st.Phase = stoker.PhaseGrow
		if st.Group.NextBatch == len(st.Group.Batches) && o.parentWaits() {
			st.Phase = stoker.PhaseHold
		}
	})
	return true
}

// parentWaits tells whether a parent's run waits for this stack to have grown.
func (o *owner) parentWaits() bool {
	return slices.ContainsFunc(o.waiters, func(w *waiter) bool { return !w.full })
}

func rollingPause(g *stoker.GroupState, action stoker.Action) time.Duration {
	switch {
	case action == stoker.ActionCreate && g.Spec.RollingCreate != nil:
		return g.Spec.RollingCreate.Pause
	case g.Spec.Rolling != nil:
		return g.Spec.Rolling.Pause
	}
	return 0
}

// removeNamed takes out the members that removal policies name, and keeps
// their names from being used again.
func removeNamed(ms []member, g *stoker.GroupState, rows *rows) []member {
	if len(g.Spec.Remove) == 0 {
		return ms
	}
	named := map[string]bool{}
	for _, r := range g.Spec.Remove {
		named[r] = true
	}
	return slices.DeleteFunc(slices.Clone(ms), func(m member) bool {
		hit := named[string(m.name)]
		if r := rows.current(m.name); r != nil {
			hit = hit || named[string(r.PhysicalID)] && r.PhysicalID != ""
		}
		if hit && !slices.Contains(g.Skip, m.name) {
			g.Skip = append(slices.Clone(g.Skip), m.name)
		}
		return hit
	})
}

// touchCooldown restarts the group's cool-off on a stack update that leaves it
// as it is, as Heat does.
func (o *owner) touchCooldown() error {
	g := o.st.Group
	if g == nil || g.Spec.Cooldown == 0 || o.st.Status != stoker.StatusComplete {
		return nil
	}
	o.saveStack(func(st *stoker.Stack) {
		g := *st.Group
		g.CooldownEnd = o.now().Add(g.Spec.Cooldown)
		st.Group = &g
	})
	return nil
}
