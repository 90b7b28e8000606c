package stack_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// keptThing is a thing of which snapshots keep a copy. A restored one is of the copy's kind.
type keptThing struct{ thing }

func (keptThing) Snapshots() bool { return true }

func (t keptThing) TakeSnapshot(ctx context.Context, req *stoker.Request, key string) (map[string]any, error) {
	if err := t.w.call(ctx, "keep", req); err != nil {
		return nil, err
	}
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.w.kept[key] = req.Properties["value"]
	asked := req.Properties["kind"]
	if from, _ := req.Data[stoker.RestoredKey].(map[string]any); from["copy"] != nil && from["copy"] == asked {
		asked = from["asked"]
	}
	return map[string]any{"copy": key, "asked": asked}, nil
}

func (t keptThing) DropSnapshot(ctx context.Context, key string) error {
	if err := t.w.call(ctx, "drop", &stoker.Request{Name: "kept"}); err != nil {
		return err
	}
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	delete(t.w.kept, key)
	return nil
}

func (keptThing) Restored(properties, data map[string]any) map[string]any {
	if properties["kind"] != data["asked"] {
		return properties
	}
	out := maps.Clone(properties)
	out["kind"] = data["copy"]
	return out
}

// copies lists what is kept, by the things' values.
func (w *world) copies() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, v := range w.kept {
		out = append(out, fmt.Sprint(v))
	}
	slices.Sort(out)
	return out
}

func (b *bed) wantCopies(when string, want ...string) {
	b.t.Helper()
	if got := b.w.copies(); !slices.Equal(got, want) {
		b.t.Errorf("%s: kept %q, want %q", when, got, want)
	}
}

const keptBody = `
resources:
  a: {type: T::Kept, properties: {value: one, kind: plain}}
  b: {type: T::Kept, properties: {value: two}}
  c: {type: T::Thing, properties: {value: three}}
`

// kinds gives the kinds of the things, by value.
func (w *world) kinds() map[string]any {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]any{}
	for _, props := range w.things {
		out[fmt.Sprint(props["value"])] = props["kind"]
	}
	return out
}

func (b *bed) restoreTo(st *stoker.Stack, s *stoker.Snapshot) {
	b.t.Helper()
	if err := b.Restore(b.t.Context(), st, s.ID, false); err != nil {
		b.t.Fatal(err)
	}
	want(b.t, b.await(st.ID), "RESTORE_COMPLETE")
}

// TestSnapshotKeepsWhatResourcesHold, and restoring begins with it.
func TestSnapshotKeepsWhatResourcesHold(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", keptBody)
	s := b.shot(st, "first")
	b.wantCopies("taken", "one", "two")
	told := b.Kept(s.Data)["a"]
	copyA, _ := told["copy"].(string)
	if !strings.HasPrefix(copyA, string(s.ID)+".") || told["asked"] != "plain" || b.Kept(s.Data)["c"] != nil {
		t.Errorf("told %v of a", told)
	}
	w.clearLog()
	b.restoreTo(st, s)
	if got := w.calls("create"); !slices.Equal(slices.Sorted(slices.Values(got)), []string{"a", "b"}) || w.kinds()["one"] != copyA || w.count() != 3 {
		t.Errorf("created %q, kinds %v", got, w.kinds())
	}
	// An update with the same template leaves them be; what is restored is kept anew, and
	// from that restored.
	w.clearLog()
	want(t, b.update(st.ID, keptBody), "UPDATE_COMPLETE")
	if got := w.calls("create"); len(got) != 0 {
		t.Errorf("the same template made %q", got)
	}
	second := b.shot(st, "second")
	if told := b.Kept(second.Data)["a"]; told["asked"] != "plain" {
		t.Errorf("told %v of a that was restored", told)
	}
	b.restoreTo(st, second)
	if got := w.kinds()["one"]; got != b.Kept(second.Data)["a"]["copy"] {
		t.Errorf("the second time a is of %v", got)
	}
	b.wantCopies("two snapshots", "one", "one", "two", "two")
	if err := b.DeleteSnapshot(t.Context(), st, second.ID); !stoker.IsKind(err, stoker.Conflict) || !strings.Contains(err.Error(), "need it: a, b") {
		t.Errorf("a snapshot in use: %v", err)
	}
	if err := b.DeleteSnapshot(t.Context(), st, s.ID); err != nil {
		t.Error(err)
	}
	b.wantCopies("the first deleted", "one", "two")
	// Another kind is another thing.
	want(t, b.update(st.ID, strings.Replace(keptBody, "kind: plain", "kind: other", 1)), "UPDATE_COMPLETE")
	if got := w.kinds()["one"]; got != "other" {
		t.Errorf("a is of %v", got)
	}
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	b.await(st.ID)
	b.wantCopies("the stack deleted")
	if w.count() != 0 {
		t.Errorf("%d things are left", w.count())
	}
}

// TestSnapshotThatFails leaves nothing kept, and can be deleted.
func TestSnapshotThatFails(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", keptBody)
	w.mu.Lock()
	w.fail["keep b"] = errors.New("no room")
	w.mu.Unlock()
	begun, err := b.Snapshot(t.Context(), st.ID, "x")
	if err != nil {
		t.Fatal(err)
	}
	if got := b.await(st.ID); got.State() != "SNAPSHOT_FAILED" || !strings.Contains(got.StatusReason, "no room") || !strings.Contains(got.StatusReason, "resources.b") {
		t.Errorf("got %s: %s", got.State(), got.StatusReason)
	}
	for end := time.Now().Add(10 * time.Second); len(w.copies()) > 0 && time.Now().Before(end); {
		runtime.Gosched()
	}
	b.wantCopies("after the failure")
	s, err := b.SnapshotOf(t.Context(), st, begun.ID)
	if err != nil || s.Status != stoker.StatusFailed {
		t.Errorf("got %+v, %v", s, err)
	}
	if err := b.Restore(t.Context(), st, begun.ID, false); err == nil {
		t.Error("a failed snapshot is restored")
	}
	if err := b.DeleteSnapshot(t.Context(), st, begun.ID); err != nil {
		t.Error(err)
	}
	want(t, b.update(st.ID, keptBody), "UPDATE_COMPLETE")
}

// TestDropFails: a snapshot whose copies cannot be removed stays, and is deleted later; so is
// its stack.
func TestDropFails(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", keptBody)
	s := b.shot(st, "")
	fail := func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.fail["drop kept"] = err
	}
	fail(errors.New("not now"))
	if err := b.DeleteSnapshot(t.Context(), st, s.ID); err == nil || !strings.Contains(err.Error(), "not now") {
		t.Errorf("got %v", err)
	}
	if s, err := b.SnapshotOf(t.Context(), st, s.ID); err != nil || s.Status != stoker.StatusFailed {
		t.Errorf("got %+v, %v", s, err)
	}
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	if got := b.await(st.ID); got.State() != "DELETE_FAILED" || !strings.Contains(got.StatusReason, "not now") {
		t.Errorf("got %s: %s", got.State(), got.StatusReason)
	}
	fail(nil)
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	b.await(st.ID)
	b.wantCopies("in the end")
}

// TestDeleteWhileASnapshotIsTaken waits for what is being kept, and drops it.
func TestDeleteWhileASnapshotIsTaken(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", keptBody)
	gate := make(chan struct{})
	w.mu.Lock()
	w.gates["keep a"] = gate
	w.mu.Unlock()
	if _, err := b.Snapshot(t.Context(), st.ID, "x"); err != nil {
		t.Fatal(err)
	}
	for len(w.copies()) == 0 {
		runtime.Gosched()
	}
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	close(gate)
	b.await(st.ID)
	b.wantCopies("in the end")
	if w.count() != 0 {
		t.Errorf("%d things are left", w.count())
	}
}

// TestSnapshotDeletionPolicy keeps what a resource holds when it goes, also when it is replaced,
// and not when it has failed.
func TestSnapshotDeletionPolicy(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	body := strings.Replace(keptBody, "T::Kept, ", "T::Kept, deletion_policy: Snapshot, ", 2)
	st := b.create("s", body)
	want(t, b.update(st.ID, strings.Replace(body, "kind: plain", "kind: other", 1)), "UPDATE_COMPLETE")
	b.wantCopies("replaced", "one")
	w.mu.Lock()
	w.fail["keep b"] = stoker.Errorf(stoker.NotFound, "it is gone")
	w.mu.Unlock()
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	b.await(st.ID)
	b.wantCopies("deleted", "one", "one")
	if w.count() != 0 {
		t.Errorf("%d things are left", w.count())
	}
	var told bool
	for _, reason := range b.reasons(st.ID) {
		told = told || strings.HasPrefix(reason, "a DELETE_COMPLETE state changed, kept {") && strings.Contains(reason, `"copy":"deleted.`)
	}
	if !told {
		t.Errorf("no event tells of it: %q", b.reasons(st.ID))
	}
	refused := strings.Replace(keptBody, "type: T::Thing", "type: T::Thing, deletion_policy: Snapshot", 1)
	in := stack.Input{Name: "r", Spec: withFiles(template(refused), nil)}
	if _, err := b.Create(t.Context(), in); err == nil || !strings.Contains(err.Error(), `"Snapshot" deletion policy not supported`) {
		t.Errorf("got %v", err)
	}
}

func (d crashDriver) Capture(ctx context.Context, t stoker.ServerToken, key string) (image string, err error) {
	err = d.c.around("capture", func() error { image, err = d.Fake.Capture(ctx, t, key); return err })
	return image, err
}

func (d crashDriver) DropImage(ctx context.Context, key string) error {
	return d.c.around("drop image", func() error { return d.Fake.DropImage(ctx, key) })
}

func (d crashDriver) CopyVolume(ctx context.Context, from stoker.VolumeToken, s stoker.VolumeSpec) error {
	return d.c.around("copy volume", func() error { return d.Fake.CopyVolume(ctx, from, s) })
}

func (d crashDriver) DestroyVolume(ctx context.Context, t stoker.VolumeToken) error {
	return d.c.around("destroy volume", func() error { return d.Fake.DestroyVolume(ctx, t) })
}

const keeperTemplate = `heat_template_version: 2021-04-16
resources:
  data: {type: OS::Cinder::Volume, deletion_policy: POLICY, properties: {size: 1}}
  server: {type: OS::Nova::Server, deletion_policy: POLICY, properties: {image: one, flavor: any}}
`

// TestCrashesOfSnapshots kills the process at every step of what is done with copies of servers and
// volumes: in the end there are those that are wanted, and no others.
func TestCrashesOfSnapshots(t *testing.T) {
	create := func(policy string) func(context.Context, *machine) error {
		return func(ctx context.Context, m *machine) error {
			if _, err := m.find(ctx); err == nil {
				return nil
			}
			_, err := m.engine.Create(ctx, stack.Input{Name: "app", DisableRollback: true, Spec: stoker.StackSpec{Template: strings.ReplaceAll(keeperTemplate, "POLICY", policy)}})
			return err
		}
	}
	dropShot := func(ctx context.Context, m *machine) error {
		st, err := m.find(ctx)
		if err != nil {
			return err
		}
		list, err := m.engine.Snapshots(ctx, st.ID)
		if err != nil || len(list) == 0 {
			return err
		}
		return m.engine.DeleteSnapshot(ctx, st, list[0].ID)
	}
	for _, s := range []struct {
		story
		images, volumes int
	}{
		{story{name: "take", prepare: steps(create("Delete")), do: takeShot, servers: 1}, 1, 2},
		{story{name: "restore", prepare: steps(create("Delete"), takeShot), do: restoreShot, servers: 1}, 1, 2},
		{story{name: "drop", prepare: steps(create("Delete"), takeShot), do: dropShot, servers: 1}, 0, 1},
		{story{name: "delete", prepare: steps(create("Delete"), takeShot), do: deleteApp}, 0, 0},
		{story{name: "delete what is restored", prepare: steps(create("Delete"), takeShot, restoreShot), do: deleteApp}, 0, 0},
		{story{name: "keep at the end", prepare: steps(create("Snapshot")), do: deleteApp}, 1, 1},
	} {
		t.Run(s.name, func(t *testing.T) {
			points := 0
			for at := 1; ; at++ {
				m := &machine{t: t, servers: &drivertest.Fake{}, store: storetest.NewMemory()}
				died, where := m.play(s.story, at)
				m.stop()
				if got := m.servers.Servers(); len(got) != s.servers {
					t.Errorf("step %d (%s): %d servers, want %d", at, where, len(got), s.servers)
				}
				if images, volumes := m.servers.Images(), m.servers.Volumes(); len(images) != s.images || len(volumes) != s.volumes {
					t.Errorf("step %d (%s): images %q and volumes %v, want %d and %d", at, where, images, slices.Sorted(maps.Keys(volumes)), s.images, s.volumes)
				}
				if t.Failed() || !died {
					break
				}
				points++
			}
			if points < 8 {
				t.Errorf("only %d crash points: the story does nothing", points)
			}
			t.Logf("%d crash points", points)
		})
	}
}

// TestHiddenWhereThingsAreKept: neither a snapshot nor an event tells a hidden parameter.
func TestHiddenWhereThingsAreKept(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	in := stack.Input{Name: "s", Spec: withFiles(template(`
parameters: {p: {type: string, hidden: true}}
resources:
  a: {type: T::Kept, deletion_policy: Snapshot, properties: {value: one, kind: {get_param: p}}}
`), nil)}
	in.Spec.Parameters = map[string]any{"p": "very-hidden-word"}
	st, err := b.Create(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "CREATE_COMPLETE")
	s := b.shot(st, "")
	if told := b.Kept(s.Data)["a"]; told["asked"] != "******" || told["copy"] == "******" {
		t.Errorf("told %v", told)
	}
	b.restoreTo(st, s) // it is replaced, and so kept for good
	if got := w.kinds()["one"]; got == "very-hidden-word" {
		t.Error("it is not restored")
	}
	all := strings.Join(b.reasons(st.ID), "\n")
	if !strings.Contains(all, "kept {") || strings.Contains(all, "very-hidden-word") {
		t.Errorf("events: %s", all)
	}
}

// TestAbandonDropsSnapshots, but what resources were restored from stays with them, also when they
// are adopted.
func TestAbandonDropsSnapshots(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", keptBody)
	s := b.shot(st, "")
	b.restoreTo(st, s)
	b.shot(st, "second")
	b.wantCopies("before", "one", "one", "two", "two")
	data, err := b.Abandon(t.Context(), st.ID)
	if err != nil {
		t.Fatal(err)
	}
	b.wantCopies("abandoned", "one", "two")
	adopted, err := b.Adopt(t.Context(), stack.Input{Name: "again", DisableRollback: true}, data)
	if err != nil {
		t.Fatal(err)
	}
	want(t, b.await(adopted.ID), "ADOPT_COMPLETE")
	w.clearLog()
	want(t, b.update(adopted.ID, keptBody), "UPDATE_COMPLETE")
	if got := w.calls("create"); len(got) != 0 {
		t.Errorf("the update after made %q", got)
	}
}
