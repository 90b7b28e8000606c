package stack_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

const hookBody = `
resources:
  a: {type: T::Thing, properties: {value: 1}}
  b: {type: T::Thing, depends_on: a}
`

func hookInput(body string, settings ...string) stack.Input {
	in := stack.Input{Name: "s", Spec: template(body), DisableRollback: true}
	a := map[string]any{}
	for i := 0; i+1 < len(settings); i += 2 {
		a[settings[i]] = []any{settings[i+1]}
	}
	in.Spec.Environment = map[string]any{"resource_registry": map[string]any{"resources": map[string]any{"a": a}}}
	return in
}

// waits until a resource waits at a hook, with the state it has then.
func (b *bed) waits(id stoker.StackID, hook, event string) {
	b.t.Helper()
	for !slices.Contains(b.reasons(id), event) {
		if st, err := b.Show(b.t.Context(), id); err != nil || st.Stack.Status != stoker.StatusInProgress {
			b.t.Fatalf("the stack did not wait at %s: %v, %q", hook, err, b.reasons(id))
		}
	}
}

func (b *bed) clear(id stoker.StackID, hook string) {
	b.t.Helper()
	if err := b.UnsetHook(b.t.Context(), id, "a", hook); err != nil {
		b.t.Fatal(err)
	}
}

// TestHooks waits at each hook, is restarted there, and goes on once it is cleared.
func TestHooks(t *testing.T) {
	changed := strings.Replace(hookBody, "1", "2", 1)
	replaced := strings.Replace(hookBody, "{value: 1}", "{kind: new}", 1)
	for _, c := range []struct {
		hook, event, done, not string
		body                   string // of an update; empty: none
		remove                 bool
	}{
		{hook: "pre-create", event: "a INIT_COMPLETE CREATE paused until Hook pre-create is cleared", not: "create a", done: "CREATE_COMPLETE"},
		{hook: "post-create", event: "a CREATE_COMPLETE CREATE paused until Hook post-create is cleared", not: "create b", done: "CREATE_COMPLETE"},
		{hook: "pre-update", event: "a CREATE_COMPLETE UPDATE paused until Hook pre-update is cleared", not: "update a", done: "UPDATE_COMPLETE", body: changed},
		{hook: "pre-update", event: "a CREATE_COMPLETE UPDATE paused until Hook pre-update is cleared", not: "create a", done: "UPDATE_COMPLETE", body: replaced},
		{hook: "post-update", event: "a UPDATE_COMPLETE UPDATE paused until Hook post-update is cleared", done: "UPDATE_COMPLETE", body: changed},
		{hook: "pre-delete", event: "a CREATE_COMPLETE DELETE paused until Hook pre-delete is cleared", not: "delete a", done: "DELETE_COMPLETE", remove: true},
		{hook: "post-delete", event: "a DELETE_COMPLETE DELETE paused until Hook post-delete is cleared", done: "DELETE_COMPLETE", remove: true},
	} {
		t.Run(c.hook, func(t *testing.T) {
			w := newWorld()
			b := start(t, w, storetest.NewMemory())
			st, err := b.Create(t.Context(), hookInput(hookBody, "hooks", c.hook))
			if err != nil {
				t.Fatal(err)
			}
			if c.body != "" || c.remove {
				want(t, b.await(st.ID), "CREATE_COMPLETE")
				w.clearLog()
			}
			if c.body != "" {
				err = b.Update(t.Context(), st.ID, hookInput(c.body, "hooks", c.hook))
			} else if c.remove {
				err = b.Delete(t.Context(), st.ID)
			}
			if err != nil {
				t.Fatal(err)
			}
			b.waits(st.ID, c.hook, c.event)
			b.stop()
			b = start(t, w, b.store.Reopen())
			if got := b.UnsetHook(t.Context(), st.ID, "b", c.hook); got == nil {
				t.Error("a hook of another resource was cleared")
			}
			if c.not != "" && slices.Contains(w.log, c.not) {
				t.Errorf("%q although the hook is not cleared", c.not)
			}
			b.clear(st.ID, c.hook)
			want(t, b.await(st.ID), c.done)
			cleared := slices.ContainsFunc(b.reasons(st.ID), func(r string) bool { return strings.HasSuffix(r, " Hook "+c.hook+" is cleared") })
			told := slices.DeleteFunc(b.reasons(st.ID), func(r string) bool { return r != c.event })
			if !cleared || len(told) != 1 {
				t.Errorf("told %d times, cleared: %v, in %q", len(told), cleared, b.reasons(st.ID))
			}
		})
	}
}

func TestUnsetHookRefuses(t *testing.T) {
	b := start(t, newWorld(), storetest.NewMemory())
	st := b.create("s", hookBody)
	for hook, msg := range map[string]string{
		"pre-lunch":  `Invalid hook type "pre-lunch" for resource "a"`,
		"pre-create": `The "pre-create" hook is not defined on resource "a"`,
	} {
		err := b.UnsetHook(t.Context(), st.ID, "a", hook)
		if e, ok := stoker.AsError(err); !ok || e.Type != "InvalidBreakPointHook" || e.Message != msg {
			t.Errorf("got %v, want %q", err, msg)
		}
	}
}

func TestRestrictedActions(t *testing.T) {
	for word, body := range map[string]string{
		"update":  strings.Replace(hookBody, "1", "2", 1),
		"replace": strings.Replace(hookBody, "{value: 1}", "{kind: new}", 1),
	} {
		w := newWorld()
		b := start(t, w, storetest.NewMemory())
		st := b.create("s", hookBody)
		w.clearLog()
		if err := b.Update(t.Context(), st.ID, hookInput(body, "restricted_actions", word)); err != nil {
			t.Fatal(err)
		}
		st = b.await(st.ID)
		want(t, st, "UPDATE_FAILED")
		reason := "ResourceActionRestricted: resources.a: " + word + " is restricted for resource."
		if st.StatusReason != "Resource UPDATE failed: "+reason || !slices.Contains(b.reasons(st.ID), "a UPDATE_FAILED "+reason) {
			t.Errorf("got %q, %q", st.StatusReason, b.reasons(st.ID))
		}
		if got := b.states(st.ID)["a"]; got != "CREATE_COMPLETE" || len(w.log) != 0 {
			t.Errorf("a is %s, and %q was asked", got, w.log)
		}
	}
}

// TestRestrictedReplacement: what only the type finds to be a replacement.
func TestRestrictedReplacement(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", hookBody)
	w.fail["update a"] = errors.Join(stoker.ErrReplace)
	if err := b.Update(t.Context(), st.ID, hookInput(strings.Replace(hookBody, "1", "2", 1), "restricted_actions", "replace")); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "UPDATE_FAILED")
	if got := b.states(st.ID)["a"]; got != "CREATE_COMPLETE" {
		t.Errorf("a is %s", got)
	}
}
