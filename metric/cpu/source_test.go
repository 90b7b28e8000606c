package cpu_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/metric/cpu"
	"github.com/stoker-project/stoker/metric/metrictest"
)

// machines is a driver whose servers use processor time as they are told.
type machines struct {
	mu      sync.Mutex
	servers []stoker.Server
	used    map[stoker.ServerToken]float64
	err     error
	silent  bool
	lists   int
}

func newMachines() *machines { return &machines{used: map[stoker.ServerToken]float64{}} }

func (m *machines) List(ctx context.Context) ([]stoker.Server, error) {
	m.mu.Lock()
	servers, err, silent := m.servers, m.err, m.silent
	m.lists++
	m.mu.Unlock()
	if silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return servers, err
}

func (m *machines) CPU(ctx context.Context, tokens []stoker.ServerToken) (map[stoker.ServerToken]float64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := map[stoker.ServerToken]float64{}
	for _, token := range tokens {
		if used, ok := m.used[token]; ok {
			known[token] = used
		}
	}
	return known, m.err
}

func (m *machines) add(group stoker.StackID, age time.Duration) stoker.ServerToken {
	token := stoker.ServerToken(fmt.Sprint("server-", len(m.servers)))
	m.servers = append(m.servers, stoker.Server{
		Token: token, State: stoker.ServerActive, Created: time.Now().Add(-age),
		Path: []stoker.StackID{group, "root"},
	})
	m.used[token] = 1000
	return token
}

func (m *machines) set(err error, silent bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err, m.silent = err, silent
}

// pass lets seconds go by in which each server uses so much of a processor.
func (m *machines) pass(seconds int, use map[stoker.ServerToken]float64) {
	time.Sleep(time.Duration(seconds) * time.Second) // in a bubble
	for token, part := range use {
		m.used[token] += part * float64(seconds)
	}
}

func want(t *testing.T, s *cpu.Source, value float64) {
	t.Helper()
	got, err := s.Read(t.Context())
	if err != nil || math.Abs(got.Value-value) > 1e-6 {
		t.Errorf("got %v (%s), %v, want %v", got.Value, got.Detail, err, value)
	}
}

func wantError(t *testing.T, s *cpu.Source) {
	t.Helper()
	if got, err := s.Read(t.Context()); !stoker.IsKind(err, stoker.Unavailable) {
		t.Errorf("got %+v, %v, want an error", got, err)
	}
}

func TestConformance(t *testing.T) {
	metrictest.RunInBubble(t, func(t *testing.T) metrictest.Subject {
		m := newMachines()
		token := m.add("g", time.Hour)
		return metrictest.Subject{
			Source: cpu.NewMeter(m).Source("g", stoker.SignalSpec{}),
			Pass: func() {
				m.pass(1, map[stoker.ServerToken]float64{token: 1})
			},
			Break: func() { m.set(stoker.Errorf(stoker.Unavailable, "no answer"), false) },
			Mend:  func() { m.set(nil, false) },
			Hang:  func() { m.set(nil, true) },
		}
	})
}

func TestMeanOfTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachines()
		a, b, other := m.add("g", time.Hour), m.add("g", time.Hour), m.add("h", time.Hour)
		meter := cpu.NewMeter(m)
		s, root := meter.Source("g", stoker.SignalSpec{}), meter.Source("root", stoker.SignalSpec{})
		wantError(t, s)
		wantError(t, root)
		m.pass(1, map[stoker.ServerToken]float64{a: 0.5, b: 1.5, other: 4})
		want(t, s, 100)
		want(t, root, 200)
		if m.lists != 2 {
			t.Errorf("the driver was asked %d times for 4 readings, want 2", m.lists)
		}
	})
}

func TestWindowSmooths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachines()
		a := m.add("g", time.Hour)
		s := cpu.NewMeter(m).Source("g", stoker.SignalSpec{Window: 4 * time.Second})
		wantError(t, s)
		for i, use := range []float64{0, 1, 1, 1, 1, 0} {
			m.pass(1, map[stoker.ServerToken]float64{a: use})
			want(t, s, []float64{0, 50, 200.0 / 3, 75, 100, 75}[i])
		}
	})
}

func TestStartingUpIsNotLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachines()
		old := m.add("g", time.Hour)
		s := cpu.NewMeter(m).Source("g", stoker.SignalSpec{})
		wantError(t, s)
		young := m.add("g", 0)
		use := map[stoker.ServerToken]float64{old: 0.4, young: 2}
		for range 9 {
			m.pass(1, use)
			want(t, s, 40)
		}
		m.pass(1, use)
		want(t, s, 120)
	})
}

func TestAllYoungCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachines()
		a := m.add("g", 0)
		s := cpu.NewMeter(m).Source("g", stoker.SignalSpec{})
		wantError(t, s)
		m.pass(1, map[stoker.ServerToken]float64{a: 0.3})
		want(t, s, 30)
	})
}

func TestUnknownServersAreNotLow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachines()
		a, b, c := m.add("g", time.Hour), m.add("g", time.Hour), m.add("g", time.Hour)
		s := cpu.NewMeter(m).Source("g", stoker.SignalSpec{})
		wantError(t, s)
		use := map[stoker.ServerToken]float64{a: 0.9, b: 0.7}
		delete(m.used, c)
		m.pass(1, use)
		want(t, s, 80) // two of three
		delete(m.used, b)
		m.pass(1, map[stoker.ServerToken]float64{a: 0.9})
		wantError(t, s) // one of three
		m.servers = m.servers[:1]
		m.pass(1, map[stoker.ServerToken]float64{a: 0.9})
		want(t, s, 90)
		m.servers = nil
		m.pass(1, nil)
		wantError(t, s)
	})
}

func TestARestartedProcessBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachines()
		a := m.add("g", time.Hour)
		s := cpu.NewMeter(m).Source("g", stoker.SignalSpec{})
		wantError(t, s)
		m.used[a] = 1
		m.pass(1, nil)
		wantError(t, s)
		m.pass(1, map[stoker.ServerToken]float64{a: 0.6})
		want(t, s, 60)
	})
}

func TestASlowDriverDoesNotHoldReadersBeyondTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachines()
		m.add("g", time.Hour)
		m.set(nil, true)
		meter := cpu.NewMeter(m)
		begin := time.Now()
		var wg sync.WaitGroup
		for range 5 {
			s := meter.Source("g", stoker.SignalSpec{})
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := s.Read(ctx); err == nil {
					t.Error("a silent driver was read")
				}
			})
		}
		wg.Wait()
		if took := time.Since(begin); took != time.Second {
			t.Errorf("it took %v, want 1s", took)
		}
	})
}
