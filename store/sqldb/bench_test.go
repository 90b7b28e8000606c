package sqldb_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/store/sqldb"
)

// Targets: 1,000 resources in one batch < 60 ms, a small change < 1 ms, lists of
// 101 stacks > 5,000/s.

func benchStores(b *testing.B, bench func(b *testing.B, s *sqldb.Store)) {
	b.Run("SQLite", func(b *testing.B) { bench(b, open(b, file(b))) })
	b.Run("PostgreSQL", func(b *testing.B) { bench(b, open(b, postgres(b))) })
}

// owned stores a stack and takes its lease.
func owned(b *testing.B, s *sqldb.Store, id string, template string) (*stoker.Stack, stoker.Lease) {
	b.Helper()
	st := &stoker.Stack{ID: stoker.StackID(id), Name: id, Root: stoker.StackID(id), Action: stoker.ActionCreate,
		Status: stoker.StatusComplete, Created: time.Now(), Spec: stoker.StackSpec{Template: template},
		Tags: []string{"bench"}}
	if err := s.Commit(b.Context(), stoker.Batch{Stack: st}); err != nil {
		b.Fatal(err)
	}
	l, err := s.Acquire(b.Context(), st.ID, "bench", time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	return st, l
}

func server(stack stoker.StackID, n int) *stoker.Resource {
	return &stoker.Resource{ID: stoker.ResourceID(fmt.Sprintf("%s-%036d", stack, n)), Stack: stack,
		Name: stoker.ResourceName(fmt.Sprint("server", n)), Type: "OS::Nova::Server",
		Action: stoker.ActionCreate, Status: stoker.StatusComplete, Created: time.Now(), PhysicalID: "physical",
		Properties: map[string]any{"image": "ubuntu", "flavor": "m1.small", "user_data": strings.Repeat("#!/bin/sh\n", 20),
			"networks": []any{map[string]any{"network": "private"}}, "n": int64(n)},
		Metadata: map[string]any{"role": "web"}, Requires: []stoker.ResourceName{"network"}}
}

func BenchmarkCommitSmall(b *testing.B) {
	benchStores(b, func(b *testing.B, s *sqldb.Store) {
		st, l := owned(b, s, "a", "small")
		r := server("a", 1)
		n := 0
		for b.Loop() {
			n++
			e := &stoker.Event{ID: fmt.Sprintf("%036d", n), Stack: "a", Time: time.Now(), Resource: r.Name}
			if err := s.Commit(b.Context(), stoker.Batch{Lease: l, Stack: st, Resources: []*stoker.Resource{r}, Events: []*stoker.Event{e}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCommitStatusLargeTemplate(b *testing.B) {
	benchStores(b, func(b *testing.B, s *sqldb.Store) {
		st, l := owned(b, s, "a", strings.Repeat("0123456789abcdef", 32_000))
		for b.Loop() {
			if err := s.Commit(b.Context(), stoker.Batch{Lease: l, Stack: st}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCommit1000Resources(b *testing.B) {
	benchStores(b, func(b *testing.B, s *sqldb.Store) {
		n := 0
		for b.Loop() {
			n++
			st := &stoker.Stack{ID: stoker.StackID(fmt.Sprint("s", n)), Name: fmt.Sprint("s", n)}
			batch := stoker.Batch{Stack: st}
			for i := range 1000 {
				batch.Resources = append(batch.Resources, server(st.ID, i))
				batch.Events = append(batch.Events, &stoker.Event{ID: fmt.Sprintf("%018d%018d", n, i), Stack: st.ID, Time: st.Created})
			}
			if err := s.Commit(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCommitParallel(b *testing.B) {
	benchStores(b, func(b *testing.B, s *sqldb.Store) {
		var stacks atomic.Int64
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			id := fmt.Sprint("s", stacks.Add(1))
			_, l := owned(b, s, id, "small")
			r := server(stoker.StackID(id), 1)
			for pb.Next() {
				if err := s.Commit(b.Context(), stoker.Batch{Lease: l, Resources: []*stoker.Resource{r}}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

func BenchmarkList101(b *testing.B) {
	for name, f := range map[string]stoker.StackFilter{"brief": {Brief: true}, "full": {}} {
		b.Run(name, func(b *testing.B) {
			benchStores(b, func(b *testing.B, s *sqldb.Store) {
				for i := range 101 {
					owned(b, s, fmt.Sprint("s", i), "small")
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if list, err := s.Stacks(b.Context(), f); err != nil || len(list) != 101 {
							b.Errorf("%d stacks, %v", len(list), err)
						}
					}
				})
			})
		})
	}
}

// BenchmarkList101Busy lists after every change.
func BenchmarkList101Busy(b *testing.B) {
	benchStores(b, func(b *testing.B, s *sqldb.Store) {
		var st *stoker.Stack
		var l stoker.Lease
		for i := range 101 {
			st, l = owned(b, s, fmt.Sprint("s", i), "small")
		}
		for b.Loop() {
			if err := s.Commit(b.Context(), stoker.Batch{Lease: l, Stack: st}); err != nil {
				b.Fatal(err)
			}
			if _, err := s.Stacks(b.Context(), stoker.StackFilter{Brief: true}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRead1000Resources(b *testing.B) {
	benchStores(b, func(b *testing.B, s *sqldb.Store) {
		_, l := owned(b, s, "a", "small")
		var rs []*stoker.Resource
		for i := range 1000 {
			rs = append(rs, server("a", i))
		}
		if err := s.Commit(b.Context(), stoker.Batch{Lease: l, Resources: rs}); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, rs, err := s.Stack(b.Context(), "a"); err != nil || len(rs) != 1000 {
				b.Fatalf("%d resources, %v", len(rs), err)
			}
		}
	})
}

func BenchmarkSaveDecisions1000(b *testing.B) {
	benchStores(b, func(b *testing.B, s *sqldb.Store) {
		ds := make([]*stoker.Decision, 1000)
		for i := range ds {
			ds[i] = &stoker.Decision{Scaler: stoker.ScalerID(fmt.Sprint(i)), Group: stoker.StackID(fmt.Sprint(i)),
				From: 3, To: 3, Why: "rps 150 of target 50 per member wants 3", Signals: map[string]float64{"rps": 150}}
		}
		for b.Loop() {
			if err := s.SaveDecisions(b.Context(), ds, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
