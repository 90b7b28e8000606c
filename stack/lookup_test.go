package stack_test

import (
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// findingThing is a type that knows what things there are.
type findingThing struct{ thing }

func (findingThing) Schema() *stoker.Schema {
	return &stoker.Schema{Properties: map[string]*stoker.Property{
		"of": {Type: stoker.TypeString, Update: true, Constraints: []stoker.Constraint{{Custom: "t.thing"}}},
	}}
}

func (findingThing) Finds() map[string]stoker.Find {
	return map[string]stoker.Find{"t.thing": func(p stoker.ProjectID, by stoker.TypeName, value string) error {
		if value == "there" || by == "" && value == "for "+string(p) {
			return nil
		}
		return stoker.Errorf(stoker.NotFound, "The thing (%s) could not be found.", value)
	}}
}

// What properties and parameters name is looked for before anything is made.
func TestWhatIsNamedIsLookedFor(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	const in = "\nparameters: {of: {type: string}}\nresources:\n  one: {type: T::Finding, properties: {of: {get_param: of}}}\n"
	named := func(of string) string {
		return "\nresources:\n  one: {type: T::Finding, properties: {of: " + of + "}}\n"
	}
	for what, body := range map[string]string{
		"itself":        named("gone"),
		"nested":        "\nresources:\n  n: {type: inner.yaml, properties: {of: gone}}\n",
		"of a group":    "\nresources:\n  g: {type: T::Group, properties: {min: 1, max: 2, resource: {type: T::Finding, properties: {of: gone}}}}\n",
		"a parameter's": "\nparameters: {p: {type: string, constraints: [{custom_constraint: t.thing}]}}\n",
	} {
		spec := withFiles(template(body), []string{"inner.yaml", in})
		if strings.HasPrefix(what, "a p") {
			spec.Parameters = map[string]any{"p": "gone"}
		}
		input := stack.Input{Name: "s", Spec: spec}
		_, create := b.Create(t.Context(), input)
		for how, err := range map[string]error{"create": create, "validate": b.Validate(t.Context(), input)} {
			if !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), "Error validating value 'gone': The thing (gone) could not be found.") {
				t.Errorf("%s %s: got %v", how, what, err)
			}
		}
	}
	st := b.create("s", named("there")+"  two: {type: T::Finding, properties: {of: {get_resource: one}}}\n") // what is made is not asked about
	want(t, st, "CREATE_COMPLETE")
	if err := b.Update(t.Context(), st.ID, stack.Input{Spec: template(named("gone"))}); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("update: got %v, want Invalid", err)
	}
	if len(w.things) != 2 {
		t.Errorf("%d things, want 2", len(w.things))
	}
}
