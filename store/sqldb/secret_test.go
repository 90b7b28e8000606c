package sqldb_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
)

const planted = "planted-secret-7261"

// Nothing that may be secret is readable in the files.
func TestSecretsAreSealed(t *testing.T) {
	path := file(t)
	s := open(t, path)
	secret := map[string]any{"password": planted, planted: []any{planted}}
	spec := stoker.StackSpec{Template: "default: " + planted, Files: map[string]string{planted: planted},
		Parameters: secret, Environment: secret}
	st := &stoker.Stack{ID: "a", Name: "visible-name", Spec: spec, Previous: &stoker.StackSpec{Parameters: secret},
		Group: &stoker.GroupState{Spec: stoker.GroupSpec{Member: secret}}}
	shot := &stoker.Snapshot{ID: "shot", Stack: "a", Data: secret}
	r := &stoker.Resource{ID: "r", Stack: "a", Properties: secret, Metadata: secret, Data: secret}
	if err := s.Commit(t.Context(), stoker.Batch{Stack: st, Resources: []*stoker.Resource{r}}); err != nil {
		t.Fatal(err)
	}
	l, err := s.Acquire(t.Context(), "a", "me", 1e9)
	if err == nil {
		err = s.Commit(t.Context(), stoker.Batch{Lease: l, Snapshots: []*stoker.Snapshot{shot}})
	}
	if err != nil {
		t.Fatal(err)
	}
	seen := func() (name, secret bool) {
		files, err := filepath.Glob(path + "*")
		if err != nil || len(files) < 2 {
			t.Fatalf("files: %v, %v", files, err)
		}
		for _, f := range files {
			content, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			name = name || bytes.Contains(content, []byte("visible-name"))
			secret = secret || bytes.Contains(content, []byte(planted))
		}
		return name, secret
	}
	for _, when := range []string{"open", "closed"} {
		if when == "closed" {
			closeStore(t, s)
		}
		name, secret := seen()
		if !name {
			t.Errorf("%s: the name is not found, so this test looks in the wrong place", when)
		}
		if secret {
			t.Errorf("%s: the planted secret can be read", when)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode of the file: %v, %v", when, info.Mode(), err)
		}
	}
}

// A change of status is small, however large the template.
func TestSpecsAreWrittenOnlyWhenChanged(t *testing.T) {
	path := file(t)
	s := open(t, path)
	large := strings.Repeat("0123456789abcdef", 32_000) // 512 KB
	st := &stoker.Stack{ID: "a", Name: "a", Spec: stoker.StackSpec{Template: large}}
	if err := s.Commit(t.Context(), stoker.Batch{Stack: st}); err != nil {
		t.Fatal(err)
	}
	l, err := s.Acquire(t.Context(), "a", "me", 1e9)
	if err != nil {
		t.Fatal(err)
	}
	change := func(st stoker.Stack) {
		t.Helper()
		if err := s.Commit(t.Context(), stoker.Batch{Lease: l, Stack: &st}); err != nil {
			t.Fatal(err)
		}
	}
	size := func() int64 {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	before := size()
	for i := range 10 {
		st.StatusReason = fmt.Sprint("reason ", i)
		change(*st)
	}
	if grown := size() - before; grown > 10*10*4096 {
		t.Errorf("ten changes of the status wrote %d bytes", grown)
	}
	old := st.Spec
	st.Previous = &old
	st.Spec.Template = "new"
	for _, step := range []struct {
		change func()
		want   int
	}{
		{func() {}, 2},                    // new and old
		{func() { st.Previous = nil }, 1}, // done
		{func() { st.Previous = &stoker.StackSpec{Template: "new"} }, 1},   // both the same
		{func() { st.Spec.Parameters = map[string]any{"n": int64(1)} }, 2}, // only a parameter
	} {
		step.change()
		change(*st)
		if n, err := s.Count(t.Context(), "spec"); err != nil || n != step.want {
			t.Errorf("got %d specs, %v; want %d", n, err, step.want)
		}
		got, _, err := s.Stack(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if got.Spec.Template != st.Spec.Template || (got.Previous == nil) != (st.Previous == nil) {
			t.Errorf("the specs came back wrong")
		}
	}
}
