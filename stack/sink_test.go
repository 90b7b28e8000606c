package stack_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// heard is an event as a sink got it.
type heard struct {
	project stoker.ProjectID
	to      stoker.SinkTarget
	ev      *stoker.Event
	props   map[string]any
}

// sink keeps what it is sent, and lets in whom it is told to.
type sink struct {
	check func(stoker.ProjectID, stoker.SinkTarget) error // nil: everybody
	mu    sync.Mutex
	heard []heard
}

func (s *sink) Check(p stoker.ProjectID, to stoker.SinkTarget) error {
	if s.check == nil {
		return nil
	}
	return s.check(p, to)
}

func (s *sink) Send(p stoker.ProjectID, to stoker.SinkTarget, ev *stoker.Event, props map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, heard{p, to, ev, props})
}

// of gives what was sent to a queue.
func (s *sink) of(queue string) []heard {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []heard
	for _, h := range s.heard {
		if h.to.Queue == queue {
			out = append(out, h)
		}
	}
	return out
}

func sinks(queues ...string) map[string]any {
	var l []any
	for _, q := range queues {
		l = append(l, map[string]any{"type": "zaqar-queue", "target": q})
	}
	return map[string]any{"event_sinks": l}
}

// wantAll waits until a queue got what is recorded, of every stack there was: those who
// await a stack may know of its end before its sinks do.
func (b *bed) wantAll(s *sink, queue string) {
	b.t.Helper()
	all, err := b.store.Events(b.t.Context(), stoker.EventFilter{})
	if err != nil {
		b.t.Fatal(err)
	}
	want := map[stoker.StackID][]string{}
	for _, ev := range all {
		want[ev.Stack] = append(want[ev.Stack], told(ev))
	}
	got := map[stoker.StackID][]string{}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); runtime.Gosched() {
		clear(got)
		for _, h := range s.of(queue) {
			got[h.ev.Stack] = append(got[h.ev.Stack], told(h.ev))
		}
		if fmt.Sprint(got) == fmt.Sprint(want) {
			return
		}
	}
	b.t.Errorf("the queue %s got\n%s\nwant\n%s", queue, lines(got), lines(want))
}

func told(ev *stoker.Event) string {
	return fmt.Sprintf("%s %s %s %s %q", ev.ID, ev.Resource, ev.Action, ev.Status, ev.Reason)
}

func lines(m map[stoker.StackID][]string) string {
	var b strings.Builder
	for id, l := range m {
		fmt.Fprintf(&b, "%s\n  %s\n", id, strings.Join(l, "\n  "))
	}
	return b.String()
}

const treeBody = `
parameters: {n: {type: number, default: 1}}
resources:
  a: {type: T::Thing, properties: {value: {get_param: n}}}
  nested: {type: child.yaml, properties: {n: {get_param: n}}}
  group: {type: T::Group, properties: {desired: 2, resource: {type: T::Thing, properties: {value: {get_param: n}}}}}
`

const childBody = `
parameters: {n: {type: number}}
resources:
  inner: {type: T::Thing, properties: {value: {get_param: n}}}
`

// Each event of a stack, and of those nested in it, goes to each sink: once, in order,
// through all that can happen to a stack, to the last.
func TestSinks(t *testing.T) {
	s := &sink{}
	w := newWorld()
	w.sink = s
	b := start(t, w, storetest.NewMemory())
	in := stack.Input{Name: "s", Project: "shop", Spec: withFiles(template(treeBody), []string{"child.yaml", childBody}), DisableRollback: true}
	in.Spec.Environment = sinks("q", "r", "q")
	st, err := b.Create(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "CREATE_COMPLETE")
	b.wantAll(s, "q")

	in.Spec.Parameters = map[string]any{"n": int64(2)}
	if err := b.Update(t.Context(), st.ID, in); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "UPDATE_COMPLETE")

	w.mu.Lock()
	w.fail["update a"] = stoker.Errorf(stoker.Invalid, "it breaks")
	w.mu.Unlock()
	in.Spec.Parameters, in.DisableRollback = map[string]any{"n": int64(3)}, false
	if err := b.Update(t.Context(), st.ID, in); err != nil {
		t.Fatal(err)
	}
	if got := b.await(st.ID); got.Action != stoker.ActionRollback {
		t.Errorf("got %s_%s, want a rollback", got.Action, got.Status)
	}
	w.mu.Lock()
	clear(w.fail)
	w.mu.Unlock()
	b.pass(st.ID, b.Check)

	b.stop()
	b = start(t, w, b.store)
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "DELETE_COMPLETE")
	b.wantAll(s, "q")
	b.wantAll(s, "r")
	for _, h := range s.of("q") {
		if h.project != "shop" || h.to.TTL.String() != "1h0m0s" {
			t.Errorf("got project %q and %s, want shop and an hour", h.project, h.to.TTL)
		}
		if h.ev.PhysicalID == "" {
			t.Errorf("%s: it does not tell of what", told(h.ev))
		}
		if (h.props == nil) != (h.ev.ResourceID == "") {
			t.Errorf("%s: got properties %v", told(h.ev), h.props)
		}
	}
	if len(s.of("q")) < 20 {
		t.Errorf("got %d events, want many", len(s.of("q")))
	}
}

// A creation that fails goes back to nothing, and its sinks hear of that too.
func TestSinksOfWhatIsRolledBack(t *testing.T) {
	s := &sink{}
	w := newWorld()
	w.sink = s
	w.fail["create b"] = stoker.Errorf(stoker.Invalid, "it breaks")
	b := start(t, w, storetest.NewMemory())
	in := stack.Input{Name: "s", Spec: template("resources:\n  a: {type: T::Thing}\n  b: {type: T::Thing, depends_on: a}\n")}
	in.Spec.Environment = sinks("q")
	st, err := b.Create(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "ROLLBACK_COMPLETE")
	b.wantAll(s, "q")
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "DELETE_COMPLETE")
	b.wantAll(s, "q")
}

// Sinks come and go with updates.
func TestSinksOfUpdates(t *testing.T) {
	s := &sink{}
	w := newWorld()
	w.sink = s
	b := start(t, w, storetest.NewMemory())
	const body = "resources:\n  a: {type: T::Thing}\n"
	st := b.create("s", body)
	if len(s.heard) > 0 {
		t.Errorf("without sinks: got %v", s.heard)
	}
	for _, env := range []map[string]any{sinks("q"), sinks("q")} {
		if err := b.Patch(t.Context(), st.ID, stack.Input{Spec: stoker.StackSpec{Environment: env}, DisableRollback: true}, nil); err != nil {
			t.Fatal(err)
		}
		want(t, b.await(st.ID), "UPDATE_COMPLETE")
	}
	v, err := b.Show(t.Context(), st.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(v.Stack.Spec.Environment["event_sinks"]), fmt.Sprint(sinks("q")["event_sinks"]); got != want {
		t.Errorf("after two updates with the same sink: got %s, want %s", got, want)
	}
	ends := func() (n int) {
		for _, h := range s.of("q") {
			if h.ev.ResourceID == "" && h.ev.Status == stoker.StatusComplete {
				n++
			}
		}
		return n
	}
	for end := time.Now().Add(10 * time.Second); ends() < 2 && time.Now().Before(end); runtime.Gosched() {
	}
	first := s.of("q")
	if len(first) == 0 || first[0].ev.Action != stoker.ActionUpdate {
		t.Errorf("got %v, want the events of the updates", first)
	}
	b.update(st.ID, body)
	if got := s.of("q"); len(got) != len(first) {
		t.Errorf("after an update without sinks: got %d events more, want none", len(got)-len(first))
	}
}

// No sink is told what is hidden.
func TestSinksAreToldNoSecrets(t *testing.T) {
	s := &sink{}
	w := newWorld()
	w.sink = s
	b := start(t, w, storetest.NewMemory())
	in := stack.Input{Name: "s", Spec: withFiles(template(`
parameters: {word: {type: string, hidden: true}, number: {type: number, hidden: true}}
resources:
  d: {type: inner.yaml, properties: {key: handed-down-in}}
  e: {type: T::Group, properties: {desired: 1, resource: {type: inner.yaml, properties: {key: handed-down-in}}}}
  a: {type: T::Thing, properties: {value: {get_param: word}}}
  b: {type: T::Thing, properties: {value: {a: [{get_param: number}, open]}}}
  c: {type: child.yaml, properties: {n: {get_param: word}}}
`), []string{"child.yaml", strings.ReplaceAll(childBody, "number", "string"), "inner.yaml", `
parameters: {key: {type: string, hidden: true}}
resources: {i: {type: T::Thing, properties: {value: {get_param: key}}}}
`}), DisableRollback: true}
	in.Spec.Environment = sinks("q")
	in.Spec.Parameters = map[string]any{"word": "very-hidden-word", "number": int64(73419652)}
	st, err := b.Create(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "CREATE_COMPLETE")
	text, err := json.Marshal(func() (out []any) {
		for _, h := range s.of("q") {
			out = append(out, h.ev, h.props)
		}
		return out
	}())
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"very-hidden-word", "73419652", "handed-down-in"} {
		if strings.Contains(string(text), word) {
			t.Errorf("%q is told: %s", word, text)
		}
	}
	if !strings.Contains(string(text), "open") {
		t.Errorf("want what is not hidden too: %s", text)
	}
}

func TestRefusedSinks(t *testing.T) {
	var many []string
	for i := range 11 {
		many = append(many, fmt.Sprint("q", i))
	}
	for name, c := range map[string]struct {
		sink   *sink
		queues []string
		want   string
	}{
		"none here": {nil, []string{"q"}, "no Zaqar"},
		"too many":  {&sink{}, many, "at most 10"},
		"not theirs": {&sink{check: func(p stoker.ProjectID, _ stoker.SinkTarget) error {
			return stoker.Errorf(stoker.Forbidden, "not %s", p)
		}}, []string{"q"}, "not shop"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if c.sink != nil {
				w.sink = c.sink
			}
			b := start(t, w, storetest.NewMemory())
			in := stack.Input{Name: "s", Project: "shop", Spec: template("resources:\n  a: {type: T::Thing}\n")}
			in.Spec.Environment = sinks(c.queues...)
			if _, err := b.Create(t.Context(), in); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want something with %q", err, c.want)
			}
			if len(w.calls("create")) > 0 {
				t.Errorf("something was made")
			}
		})
	}
}

// A Zaqar that is taken out of the configuration ends the sending, and nothing else.
func TestSinkThatIsGone(t *testing.T) {
	w := newWorld()
	w.sink = &sink{}
	b := start(t, w, storetest.NewMemory())
	in := stack.Input{Name: "s", Spec: withFiles(template(treeBody), []string{"child.yaml", childBody}), DisableRollback: true}
	in.Spec.Environment = sinks("q")
	st, err := b.Create(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "CREATE_COMPLETE")
	b.stop()
	w.sink = nil
	b = start(t, w, b.store)
	before := w.count()
	v, err := b.Resource(t.Context(), st.ID, "group")
	if err != nil {
		t.Fatal(err)
	}
	group := stoker.StackID(v.PhysicalID)
	if err := b.Resize(t.Context(), group, 4, "of the test"); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(group), "UPDATE_COMPLETE")
	if got := w.count(); got != before+2 {
		t.Errorf("got %d things, want %d", got, before+2)
	}
	if err := b.Update(t.Context(), st.ID, in); err == nil || !strings.Contains(err.Error(), "no Zaqar") {
		t.Errorf("an update that asks for it: %v", err)
	}
	in.Spec.Environment = nil
	if err := b.Update(t.Context(), st.ID, in); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "UPDATE_COMPLETE")
}
