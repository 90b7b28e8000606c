package storetest

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
)

// Open makes an empty store for one test and has it closed by its cleanup.
// reopen closes it and opens it again, as a restarted process does.
type Open func(t *testing.T) (s Store, reopen func() Store)

// Run checks a store against the contract.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"StackComesBack", testStackComesBack},
		{"ValuesComeBack", testValuesComeBack},
		{"ValuesWithoutJSON", testValuesWithoutJSON},
		{"ResourcesComeBack", testResourcesComeBack},
		{"UnknownIDs", testUnknownIDs},
		{"CommitIsAtomic", testCommitIsAtomic},
		{"CommitTwice", testCommitTwice},
		{"CommitAfterCancel", testCommitAfterCancel},
		{"CommitsAtOnce", testCommitsAtOnce},
		{"NamesAreUnique", testNamesAreUnique},
		{"DeletedStack", testDeletedStack},
		{"AbandonedStack", testAbandonedStack},
		{"OldGeneration", testOldGeneration},
		{"Fencing", testFencing},
		{"Snapshots", testSnapshots},
		{"SnapshotsAreFenced", testSnapshotsAreFenced},
		{"Leases", testLeases},
		{"LeaseExpires", testLeaseExpires},
		{"LeaseRace", testLeaseRace},
		{"StackFilters", testStackFilters},
		{"StackPages", testStackPages},
		{"ListsAreFresh", testListsAreFresh},
		{"EventFilters", testEventFilters},
		{"EventsAgeOut", testEventsAgeOut},
		{"DecisionsComeBack", testDecisionsComeBack},
		{"DecisionFilters", testDecisionFilters},
		{"DecisionsAgeOut", testDecisionsAgeOut},
		{"ScalerStates", testScalerStates},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open) })
	}
}

// start is when the suite's records were made.
var start = time.Date(2026, 10, 25, 0, 59, 59, 123456789, time.UTC)

func stack(id, name string) *stoker.Stack {
	return &stoker.Stack{
		ID: stoker.StackID(id), Name: name, Project: "demo", Root: stoker.StackID(id),
		Action: stoker.ActionCreate, Status: stoker.StatusInProgress, Generation: 1, Created: start,
	}
}

func resource(stackID, id string) *stoker.Resource {
	return &stoker.Resource{
		ID: stoker.ResourceID(id), Stack: stoker.StackID(stackID), Name: stoker.ResourceName("name of " + id),
		Type: "OS::Heat::Value", Action: stoker.ActionCreate, Status: stoker.StatusComplete, Created: start,
	}
}

func event(stackID, id string) *stoker.Event {
	return &stoker.Event{ID: id, Stack: stoker.StackID(stackID), Time: start, Resource: "r",
		Action: stoker.ActionCreate, Status: stoker.StatusComplete}
}

func commit(t *testing.T, s Store, b stoker.Batch) {
	t.Helper()
	if err := s.Commit(t.Context(), b); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

// insert stores new stacks without a lease.
func insert(t *testing.T, s Store, stacks ...*stoker.Stack) {
	t.Helper()
	for _, st := range stacks {
		commit(t, s, stoker.Batch{Stack: st})
	}
}

func acquire(t *testing.T, s Store, id stoker.StackID, holder string) stoker.Lease {
	t.Helper()
	l, err := s.Acquire(t.Context(), id, holder, time.Hour)
	if err != nil {
		t.Fatalf("acquire: %v", err)
	}
	return l
}

func read(t *testing.T, s Store, id stoker.StackID) (*stoker.Stack, []*stoker.Resource) {
	t.Helper()
	st, rs, err := s.Stack(t.Context(), id)
	if err != nil {
		t.Fatalf("read stack: %v", err)
	}
	return st, rs
}

func wantKind(t *testing.T, what string, err error, want stoker.Kind) {
	t.Helper()
	if !stoker.IsKind(err, want) {
		t.Errorf("%s: got error %v, want one of kind %q", what, err, want)
	}
}

func wantEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, show(got), show(want))
	}
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// within tries until it is so, at most a few seconds.
func within(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

// wantAllSet keeps the suite honest: whoever adds a field to a record sets it
// here, and so sees whether the stores keep it.
func wantAllSet(t *testing.T, record any, except ...string) {
	t.Helper()
	v := reflect.ValueOf(record).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if v.Field(i).IsZero() && !slices.Contains(except, name) {
			t.Errorf("the suite sets no %s.%s", v.Type().Name(), name)
		}
	}
}
