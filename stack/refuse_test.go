package stack_test

import (
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// TestRefused wants templates with types that cannot be made to be valid, and
// refused before anything else of them is made.
func TestRefused(t *testing.T) {
	const first = "resources:\n  a: { type: T::Thing }\n"
	for name, body := range map[string]string{
		"direct":   first + "  b: { type: T::Refused }\n",
		"nested":   first + "  b: { type: n.yaml }\n",
		"in group": first + "  b: { type: T::Group, properties: { min: 1, resource: { type: T::Refused } } }\n",
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, newWorld(), storetest.NewMemory())
			in := stack.Input{Name: "s", Spec: withFiles(template(body), []string{"n.yaml", "resources:\n  c: { type: T::Refused }\n"})}
			if err := b.Validate(t.Context(), in); err != nil {
				t.Errorf("validate: %v", err)
			}
			if _, err := b.Preview(t.Context(), in); err != nil {
				t.Errorf("preview: %v", err)
			}
			refused := func(what string, err error) {
				t.Helper()
				if !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), "resources.b") || !strings.Contains(err.Error(), "no driver for T::Refused") {
					t.Errorf("%s: got %v, want that b is refused", what, err)
				}
			}
			_, err := b.Create(t.Context(), in)
			refused("create", err)
			st := b.create("s", first)
			if _, err := b.PreviewUpdate(t.Context(), st.ID, in); err != nil {
				t.Errorf("preview of an update: %v", err)
			}
			refused("update", b.Update(t.Context(), st.ID, in))
			if got := b.w.calls("create"); len(got) != 1 {
				t.Errorf("made %v, want a only", got)
			}
		})
	}
}

func TestRefusedMayBeReferredTo(t *testing.T) {
	b := start(t, newWorld(), storetest.NewMemory())
	st := b.create("s", "resources:\n  b: { type: T::Refused, external_id: there }\n"+
		"  c: { type: T::Refused, condition: never }\nconditions: { never: false }\noutputs:\n  id: { value: { get_resource: b } }\n")
	want(t, st, "CREATE_COMPLETE")
	if got := b.outputs(st.ID)["id"]; got != "there" {
		t.Errorf("it is %q, want there", got)
	}
}
