package scale_test

import (
	"context"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/scale"
)

// wave is a source that remembers what it said.
type wave struct {
	begin time.Time
	trace []scale.Point
}

func (w *wave) Read(ctx context.Context) (stoker.Sample, error) {
	now := time.Now()
	seconds := now.Sub(w.begin).Seconds()
	s := stoker.Sample{Value: 200 + 150*math.Sin(seconds/40) + 40*math.Sin(seconds*7), Total: true, Time: now}
	w.trace = append(w.trace, scale.Point{Time: now, Signals: map[string]stoker.Sample{"s": s}})
	return s, nil
}

// What was decided in earnest is decided in a replay, to the word.
func TestReplayDecidesAsTheEngineDid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &wave{begin: time.Now()}
		store := newFakeStore()
		groups := newFakeGroups(store, map[stoker.StackID]int{"g": 4})
		groups.groups["g"].Min = 0
		w := &world{store: store, groups: groups, sources: map[string]*fakeSource{}}
		w.engine = scale.New(scale.Config{
			Store: store, Groups: groups,
			Sources: func(stoker.Policy, string, stoker.SignalSpec) (stoker.SignalSource, error) { return source, nil },
		})
		p := stoker.Policy{
			ID: "x", Group: "g", Min: ptr(1), Max: ptr(10),
			Signals:      map[string]stoker.SignalSpec{"s": {Source: "wave"}},
			Rules:        []stoker.Rule{{Kind: stoker.RuleTarget, Signal: "s", Target: 50}},
			DownCooldown: 20 * time.Second, DownStabilization: 15 * time.Second, MaxStepDown: 2,
		}
		if err := w.engine.Put(context.Background(), p); err != nil {
			t.Fatal(err)
		}
		w.run()
		pass(10 * time.Minute)
		w.stop()
		live := w.decisions(stoker.DecisionFilter{})
		again := scale.Replay(p, source.trace, 4, 0)
		changes := 0
		for i := range min(len(live), len(again)) {
			l, r := live[i], &again[i]
			if !l.Time.Equal(r.Time) || l.From != r.From || l.To != r.To || l.Why != r.Why || l.Count != r.Count || l.Limiter != r.Limiter {
				t.Fatalf("decision %d:\nlive     %+v\nreplayed %+v", i, l, r)
			}
			if l.To != l.From {
				changes++
			}
		}
		if len(live) != len(again) || changes < 10 {
			t.Errorf("got %d live and %d replayed decisions, %d changes", len(live), len(again), changes)
		}
	})
}

func TestReplayBoots(t *testing.T) {
	l := make(load, 60)
	for i := range l {
		l[i] = 100
		if i >= 10 {
			l[i] = 1000
		}
	}
	p := targetPolicy(nil)
	s := score(p, l, 1, 5*time.Second)
	// 2 members, 200 of 1000 served for 5 of 50 seconds.
	if want := 5 * 800.0 / (10*100 + 50*1000); math.Abs(s.Unserved-want) > 1e-9 || s.Events != 1 {
		t.Errorf("got %v unserved in %d events, want %v in 1", s.Unserved, s.Events, want)
	}
}

func TestReplayFoldsWhatIsAlikeOnly(t *testing.T) {
	l := make(load, 120)
	for i := range l {
		l[i] = 700
		if i >= 30 {
			l[i] = 70
		}
	}
	p := targetPolicy(func(p *stoker.Policy) {
		p.DownStabilization, p.DownCooldown = 20*time.Second, time.Minute
	})
	tr := l.trace(1)
	var got []string
	count := 0
	for _, d := range scale.Replay(p, tr, 1, 0) {
		got = append(got, d.Limiter)
		count += d.Count
	}
	// Raised, at rest, the wish falls, the window passes, the cool-off passes, lowered, at rest.
	want := []string{"", "", scale.LimitStabilization, scale.LimitCooldown, "", ""}
	if !slices.Equal(got, want) || count != len(tr) {
		t.Errorf("got %q of %d evaluations, want %q of %d", got, count, want, len(tr))
	}
}
