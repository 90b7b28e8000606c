package scale_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/scale"
)

// pass lets the time of a bubble pass.
func pass(d time.Duration) {
	time.Sleep(d) // of the bubble: no time passes outside
	synctest.Wait()
}

func TestEngineFollowsTheSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[stoker.StackID]int{"g": 2})
		s := w.put("g", nil)
		s.set(100, nil)
		w.run()
		defer w.stop()
		pass(3 * time.Second)
		if got := w.groups.asked(); len(got) != 0 {
			t.Errorf("at its target it was resized to %v", got)
		}
		s.set(330, nil)
		pass(time.Second)
		s.set(60, nil)
		pass(time.Second)
		if got, want := w.groups.asked(), []int{7, 2}; !slices.Equal(got, want) {
			t.Errorf("resizes: got %v, want %v", got, want)
		}
	})
}

func TestIntentIsRecordedBeforeTheResize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[stoker.StackID]int{"g": 2})
		w.put("g", nil).set(330, nil)
		w.run()
		defer w.stop()
		pass(2 * time.Second)
		if len(w.groups.seen) != 1 || w.groups.seen[0].To != 7 {
			t.Errorf("in the store at the time of the resize: %+v", w.groups.seen)
		}
		if st, _ := w.store.ScalerState(context.Background(), "g"); st.LastUp.IsZero() {
			t.Error("the cool-off is not in the store")
		}
	})
}

func TestAlikeDecisionsAreFoldedAndFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[stoker.StackID]int{"g": 2})
		w.put("g", nil).set(100, nil)
		w.run()
		pass(20 * time.Second)
		ds := w.decisions(stoker.DecisionFilter{Scaler: "g"})
		if len(ds) != 1 || ds[0].Count < 20 || ds[0].Seq == 0 {
			t.Fatalf("got %+v", ds)
		}
		if stored, _ := w.store.Decisions(context.Background(), stoker.DecisionFilter{}); stored[0].Count != 1 {
			t.Errorf("the store has heard of %d evaluations, after 20 s want 1", stored[0].Count)
		}
		pass(12 * time.Second)
		if stored, _ := w.store.Decisions(context.Background(), stoker.DecisionFilter{}); stored[0].Count < 30 {
			t.Errorf("the store has heard of %d evaluations, after 32 s want 30", stored[0].Count)
		}
		w.stop()
		stored, _ := w.store.Decisions(context.Background(), stoker.DecisionFilter{})
		if len(stored) != 1 || stored[0].Count < 32 {
			t.Errorf("at rest: got %+v", stored)
		}
	})
}

func TestAHangingSourceDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[stoker.StackID]int{"g": 2, "h": 2})
		s := w.put("g", func(p *stoker.Policy) {
			p.Signals["stuck"] = stoker.SignalSpec{Source: "fake"}
			p.Rules = append(p.Rules, stoker.Rule{Kind: stoker.RuleTarget, Signal: "stuck", Target: 50})
		})
		stuck := w.sources["g.stuck"]
		stuck.hang = make(chan struct{})
		other := w.put("h", nil)
		s.set(100, nil)
		other.set(100, nil)
		w.run()
		pass(10 * time.Second)
		if s.reads < 10 || other.reads < 10 {
			t.Errorf("in 10 s: %d readings beside the hanging one, %d of the other scaler", s.reads, other.reads)
		}
		s.set(330, nil)
		other.set(330, nil)
		pass(1300 * time.Millisecond)
		if a, b := w.groups.size("g"), w.groups.size("h"); a != 7 || b != 7 {
			t.Errorf("sizes: got %d and %d, want 7 and 7", a, b)
		}
		s.set(10, nil)
		pass(3 * time.Second)
		ds := w.decisions(stoker.DecisionFilter{Scaler: "g", Limit: 1})
		if d := ds[0]; d.To != 7 || d.Limiter != scale.LimitBadSignal || !strings.Contains(d.Why, "signal stuck has an error: no answer for") {
			t.Errorf("got %+v", d)
		}
		if stuck.most != 1 {
			t.Errorf("%d readings of one signal at a time", stuck.most)
		}
		close(stuck.hang)
		w.stop()
	})
}

func TestASlowSourceCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[stoker.StackID]int{"g": 2})
		s := w.put("g", func(p *stoker.Policy) {
			p.Signals = map[string]stoker.SignalSpec{"s": {Source: "fake", Timeout: 3 * time.Second}}
		})
		s.set(330, nil)
		s.hang = make(chan struct{})
		w.run()
		pass(2 * time.Second) // within its time-out
		close(s.hang)
		pass(time.Second)
		if got := w.groups.size("g"); got != 7 {
			t.Errorf("size: got %d, want 7", got)
		}
		w.stop()
	})
}

func TestAMissingGroupIsToldAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[stoker.StackID]int{})
		s := w.put("g", nil)
		w.run()
		pass(5 * time.Minute)
		ds := w.decisions(stoker.DecisionFilter{Scaler: "g"})
		if len(ds) != 1 || ds[0].Limiter != scale.LimitNoGroup || ds[0].Err == "" {
			t.Fatalf("got %+v", ds)
		}
		if s.reads > 15 {
			t.Errorf("%d tries in 5 minutes", s.reads)
		}
		fresh := group(2)
		w.groups.mu.Lock()
		w.groups.groups["g"] = &fresh
		w.groups.mu.Unlock()
		s.set(330, nil)
		pass(time.Minute + time.Second)
		if got := w.groups.size("g"); got != 7 {
			t.Errorf("size: got %d, want 7", got)
		}
		w.stop()
	})
}

func TestARefusedResizeBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[stoker.StackID]int{"g": 2})
		w.put("g", func(p *stoker.Policy) { p.UpCooldown = time.Hour }).set(330, nil)
		w.groups.refuse(stoker.Errorf(stoker.NoCapacity, "the quota of 5 servers is reached"))
		w.run()
		defer w.stop()
		pass(time.Minute)
		if n := len(w.groups.asked()); n < 4 || n > 7 {
			t.Errorf("%d tries in a minute, want about 6", n)
		}
		ds := w.decisions(stoker.DecisionFilter{Changes: true})
		if last := ds[len(ds)-1]; last.Err != "the quota of 5 servers is reached" {
			t.Errorf("got %+v", last)
		}
		if st, _ := w.store.ScalerState(context.Background(), "g"); !st.LastUp.IsZero() {
			t.Error("the cool-off of a change that was refused is in the store")
		}
		w.groups.refuse(nil)
		pass(time.Minute)
		if got := w.groups.size("g"); got != 7 {
			t.Errorf("size: got %d, want 7", got)
		}
	})
}

func TestABrokenStoreStopsLoweringOnly(t *testing.T) {
	for name, hang := range map[string]bool{"refuses": false, "hangs": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(map[stoker.StackID]int{"g": 2})
				s := w.put("g", nil)
				s.set(100, nil)
				w.run()
				defer w.stop()
				pass(3 * time.Second)
				w.store.set(errors.New("disk full"), hang)
				s.set(330, nil)
				pass(4 * time.Second)
				if got := w.groups.size("g"); got != 7 {
					t.Errorf("raised to %d, want 7", got)
				}
				s.set(100, nil)
				pass(30 * time.Second)
				if got := w.groups.size("g"); got != 7 {
					t.Errorf("lowered to %d without a record", got)
				}
				ds := w.decisions(stoker.DecisionFilter{Scaler: "g"})
				if !slices.ContainsFunc(ds, func(d *stoker.Decision) bool { return d.Limiter == scale.LimitNotRecorded && d.To == d.From }) {
					t.Errorf("nothing tells why: %+v", ds[len(ds)-1])
				}
				w.store.set(nil, false)
				pass(2 * time.Minute)
				if got := w.groups.size("g"); got != 2 {
					t.Errorf("size: got %d, want 2", got)
				}
				stored, _ := w.store.Decisions(context.Background(), stoker.DecisionFilter{Changes: true})
				if len(stored) != 2 {
					t.Errorf("changes recorded: %d, want 2", len(stored))
				}
			})
		})
	}
}

func TestCooldownOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[stoker.StackID]int{"g": 1})
		slow := func(p *stoker.Policy) { p.UpCooldown = 300 * time.Second }
		w.put("g", slow).set(100, nil)
		w.run()
		pass(6 * time.Second)
		w.stop()
		w.engine = w.newEngine(nil)
		w.put("g", slow).set(500, nil)
		w.run()
		defer w.stop()
		pass(time.Minute)
		if got := w.groups.size("g"); got != 2 {
			t.Errorf("size: got %d, want 2: the cool-off is forgotten", got)
		}
		pass(5 * time.Minute)
		if got := w.groups.size("g"); got != 10 {
			t.Errorf("size: got %d, want 10", got)
		}
	})
}

func TestPutReplacesAndKeepsWhatWasSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[stoker.StackID]int{"g": 5})
		window := func(p *stoker.Policy) { p.DownStabilization = 20 * time.Second }
		s := w.put("g", window)
		s.set(50, nil)
		w.run()
		defer w.stop()
		pass(15 * time.Second)
		reads := s.reads
		w.put("g", window) // the same
		w.put("g", func(p *stoker.Policy) { window(p); p.Max = ptr(8) })
		pass(4 * time.Second)
		if got := w.groups.size("g"); got != 5 {
			t.Errorf("size: got %d, want 5: the window is not full", got)
		}
		pass(3 * time.Second)
		if got := w.groups.size("g"); got != 1 {
			t.Errorf("size: got %d, want 1: the window began again", got)
		}
		if n := s.reads - reads; n > 9 {
			t.Errorf("%d readings in 7 s: two scalers run", n)
		}
	})
}

func TestRemoveForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[stoker.StackID]int{"g": 2})
		s := w.put("g", nil)
		s.set(330, nil)
		w.run()
		defer w.stop()
		pass(3 * time.Second)
		for range 2 {
			if err := w.engine.Remove(context.Background(), "g"); err != nil {
				t.Fatal(err)
			}
		}
		reads := s.reads
		pass(time.Minute)
		if s.reads != reads {
			t.Error("it goes on reading")
		}
		if st, _ := w.store.ScalerState(context.Background(), "g"); !st.LastUp.IsZero() {
			t.Error("the cool-off is not forgotten")
		}
		if ds := w.decisions(stoker.DecisionFilter{Changes: true}); len(ds) != 1 {
			t.Errorf("decisions: got %d, want the one change", len(ds))
		}
	})
}

func TestListenersHearChangesAndCannotDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[stoker.StackID]int{"g": 2})
		var mu sync.Mutex
		var heard []int
		release := make(chan struct{})
		w.engine = w.newEngine(func(d *stoker.Decision) {
			<-release
			mu.Lock()
			heard = append(heard, d.To)
			mu.Unlock()
		})
		s := w.put("g", nil)
		s.set(100, nil)
		w.run()
		defer w.stop()
		pass(3 * time.Second)
		s.set(330, nil)
		pass(3 * time.Second)
		if got := w.groups.size("g"); got != 7 {
			t.Errorf("a listener delays: size %d, want 7", got)
		}
		close(release)
		synctest.Wait()
		if want := []int{2, 7, 7}; !slices.Equal(heard, want) {
			t.Errorf("heard %v, want %v", heard, want)
		}
	})
}

func TestRunTwiceInTurnNotAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[stoker.StackID]int{"g": 2})
		s := w.put("g", nil)
		s.set(100, nil)
		w.run()
		synctest.Wait()
		if err := w.engine.Run(context.Background()); !stoker.IsKind(err, stoker.Conflict) {
			t.Errorf("second Run: got %v, want a conflict", err)
		}
		pass(2 * time.Second)
		w.stop()
		s.set(330, nil)
		w.run()
		pass(2 * time.Second)
		w.stop()
		if got := w.groups.size("g"); got != 7 {
			t.Errorf("size: got %d, want 7", got)
		}
	})
}

func TestASourceThatCannotBeMadeRefusesThePolicy(t *testing.T) {
	e := scale.New(scale.Config{
		Store: newFakeStore(), Groups: newFakeGroups(newFakeStore(), nil),
		Sources: func(stoker.Policy, string, stoker.SignalSpec) (stoker.SignalSource, error) {
			return nil, stoker.Errorf(stoker.Invalid, "there is no such pool")
		},
	})
	err := e.Put(t.Context(), recommended())
	if !stoker.IsKind(err, stoker.Invalid) || err.Error() != `signal "rps": there is no such pool` {
		t.Errorf("got %v", err)
	}
	if err := e.Put(t.Context(), stoker.Policy{}); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("an empty policy: got %v", err)
	}
}

// While the store is down for hours the memory stays bounded, and the newest is kept.
func TestALongOutageOfTheStoreIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[stoker.StackID]int{"g": 2})
		s := w.put("g", func(p *stoker.Policy) { p.Min, p.Max = ptr(2), ptr(2) })
		s.set(100, nil)
		w.run()
		pass(2 * time.Second)
		w.store.set(errors.New("disk full"), false)
		for i := range 21_000 { // a new decision each second
			if i%2 == 0 {
				s.set(0, errors.New("bad \xff\x00 text"))
			} else {
				s.set(100, nil)
			}
			pass(time.Second)
		}
		if n := len(w.decisions(stoker.DecisionFilter{})); n > 20_010 || n < 19_000 {
			t.Errorf("%d decisions are kept", n)
		}
		w.store.set(nil, false)
		pass(5 * time.Second)
		w.stop()
		stored, _ := w.store.Decisions(context.Background(), stoker.DecisionFilter{})
		if n := len(stored); n < 19_000 {
			t.Errorf("%d decisions were written when the store was back", n)
		}
		for _, d := range stored {
			if !utf8.ValidString(d.Why) || strings.Contains(d.Why, "\x00") {
				t.Fatalf("a text that stores refuse: %q", d.Why)
			}
		}
	})
}

func TestStoppingDoesNotTearAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[stoker.StackID]int{"g": 2})
		w.put("g", nil).set(330, nil)
		w.groups.during = func(ctx context.Context) {
			w.cancel()
			if err := ctx.Err(); err != nil {
				t.Errorf("the context of the resize ended: %v", err)
			}
		}
		w.run()
		pass(2 * time.Second)
		w.stop()
		if got := w.groups.size("g"); got != 7 {
			t.Errorf("size: got %d, want 7", got)
		}
	})
}
