package stack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// refused creates a stack that is one too large.
func (b *bed) refused(name string, spec stoker.StackSpec, want string) {
	b.t.Helper()
	_, err := b.Create(b.t.Context(), stack.Input{Name: name, Spec: spec, DisableRollback: true})
	if e, ok := stoker.AsError(err); !ok || e.Type != "RequestLimitExceeded" || !strings.Contains(err.Error(), want) {
		b.t.Errorf("%s: got %v, want RequestLimitExceeded with %q", name, err, want)
	}
}

func things(n int) string {
	var b strings.Builder
	b.WriteString("resources:\n")
	for i := range n {
		fmt.Fprintf(&b, "  t%d: {type: T::Thing}\n", i)
	}
	return b.String()
}

func TestLimitOfResources(t *testing.T) {
	b := start(t, newWorld(), storetest.NewMemory(), stack.Limits{Resources: 4})
	want(t, b.create("fits", things(4)), "CREATE_COMPLETE")
	b.refused("more", template(things(5)), "Maximum resources per stack exceeded: 5 of 4.")
	// What is nested counts too.
	nested := "resources: {a: {type: n.yaml}}"
	want(t, b.create("nested", nested, "n.yaml", things(3)), "CREATE_COMPLETE")
	b.refused("nested2", withFiles(template(nested), []string{"n.yaml", things(4)}), "Maximum resources per stack exceeded: 5 of 4.")
}

func TestLimitOfDepth(t *testing.T) {
	b := start(t, newWorld(), storetest.NewMemory(), stack.Limits{Depth: 2})
	into := func(file string) string { return "resources: {a: {type: " + file + "}}" }
	want(t, b.create("fits", into("1.yaml"), "1.yaml", into("2.yaml"), "2.yaml", things(1)), "CREATE_COMPLETE")
	b.refused("more", withFiles(template(into("1.yaml")), []string{"1.yaml", into("2.yaml"), "2.yaml", into("3.yaml"), "3.yaml", things(1)}),
		"Recursion depth exceeds 2.")
}

func TestLimitOfStacks(t *testing.T) {
	b := start(t, newWorld(), storetest.NewMemory(), stack.Limits{Stacks: 2, Uncounted: "free"})
	first := b.create("a", "resources: {n: {type: n.yaml}}", "n.yaml", things(1)) // what is nested does not count
	b.create("b", things(1))
	const full = "You have reached the maximum stacks per tenant, 2."
	b.refused("c", template(things(1)), full)
	if _, err := b.Create(t.Context(), stack.Input{Name: "d", Spec: template(things(1)), Tags: []string{"free"}}); err != nil {
		t.Errorf("a stack that does not count: %v", err)
	}
	if _, err := b.Create(t.Context(), stack.Input{Project: "other", Name: "c", Spec: template(things(1))}); err != nil {
		t.Errorf("another project: %v", err)
	}
	data := b.abandon(first.ID)
	b.create("c", things(1))
	_, err := b.Adopt(t.Context(), stack.Input{Name: "a"}, data)
	if err == nil || !strings.Contains(err.Error(), full) {
		t.Errorf("adopting one more: got %v, want %q", err, full)
	}
}
