package host_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/metric/host"
	"github.com/stoker-project/stoker/metric/metrictest"
)

// machine is a /proc/stat that the test writes.
type machine struct {
	t     *testing.T
	file  string
	ticks [10]uint64
}

// The columns of machine.ticks.
const (
	user, nice, system, idle, iowait, irq, softirq, steal, guest, guestNice = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
)

func newMachine(t *testing.T) *machine {
	m := &machine{t: t, file: filepath.Join(t.TempDir(), "stat")}
	m.pass(nil)
	return m
}

// pass lets the processors do something.
func (m *machine) pass(did map[int]uint64) {
	m.t.Helper()
	for column, n := range did {
		m.ticks[column] += n
	}
	line := "cpu  " + strings.Trim(fmt.Sprint(m.ticks), "[]") + "\ncpu0 1 1 1 1\nbtime 1\n"
	if err := os.WriteFile(m.file, []byte(line), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) lose() {
	if err := os.Remove(m.file); err != nil {
		m.t.Fatal(err)
	}
}

func TestConformance(t *testing.T) {
	metrictest.Run(t, func(t *testing.T) metrictest.Subject {
		m, broken := newMachine(t), false
		return metrictest.Subject{
			Source: host.At(m.file, 0),
			Pass: func() {
				if !broken {
					m.pass(map[int]uint64{user: 1, idle: 1})
				}
			},
			Break: func() { broken = true; m.lose() },
			Mend:  func() { broken = false; m.pass(nil) },
		}
	})
}

// What psutil.cpu_percent() says of the same ticks.
func TestShare(t *testing.T) {
	for name, c := range map[string]struct {
		did  map[int]uint64
		want float64
	}{
		"idle":                       {map[int]uint64{idle: 200}, 0},
		"busy":                       {map[int]uint64{user: 200}, 100},
		"half":                       {map[int]uint64{user: 50, system: 25, nice: 25, idle: 100}, 50},
		"waiting for a disk":         {map[int]uint64{user: 10, iowait: 90}, 10},
		"interrupts are work":        {map[int]uint64{irq: 10, softirq: 10, idle: 80}, 20},
		"what others took is work":   {map[int]uint64{steal: 30, idle: 70}, 30},
		"guests are in user already": {map[int]uint64{user: 50, guest: 50, nice: 10, guestNice: 10, idle: 40}, 60},
		"tenths":                     {map[int]uint64{user: 1, idle: 2}, 33.3},
	} {
		m := newMachine(t)
		s := host.At(m.file, 0)
		wantError(t, s)
		m.pass(c.did)
		if got := read(t, s); got.Value != c.want || got.Total {
			t.Errorf("%s: got %+v, want the level %v", name, got, c.want)
		}
	}
}

// A kernel's iowait may go back; that is no time.
func TestAColumnThatGoesBack(t *testing.T) {
	m := newMachine(t)
	m.pass(map[int]uint64{iowait: 50})
	s := host.At(m.file, 0)
	wantError(t, s)
	m.ticks[iowait] = 10
	m.pass(map[int]uint64{user: 30, idle: 70})
	if got := read(t, s).Value; got != 30 {
		t.Errorf("got %v, want 30", got)
	}
}

// Without a window each reading is of the time since the one before, as in the
// article; with one it is a mean.
func TestWindow(t *testing.T) {
	for _, c := range []struct {
		window time.Duration
		want   []float64
	}{
		{0, []float64{0, 100, 100, 0}},
		{2 * time.Second, []float64{0, 50, 100, 50}},
		{time.Hour, []float64{0, 50, 66.7, 50}},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMachine(t)
			s := host.At(m.file, c.window)
			wantError(t, s)
			for i, column := range []int{idle, user, user, idle} {
				<-time.After(time.Second)
				m.pass(map[int]uint64{column: 100})
				if got := read(t, s).Value; got != c.want[i] {
					t.Errorf("window %v, second %d: got %v, want %v", c.window, i+1, got, c.want[i])
				}
			}
		})
	}
}

// No time between two readings is no load of 0.
func TestNoTimeHasPassed(t *testing.T) {
	m := newMachine(t)
	s := host.At(m.file, 0)
	wantError(t, s)
	wantError(t, s)
	m.pass(map[int]uint64{user: 10})
	if got := read(t, s).Value; got != 100 {
		t.Errorf("got %v, want 100", got)
	}
}

// The machine that runs the test tells, and is between idle and busy.
func TestThisMachine(t *testing.T) {
	s, err := host.New(stoker.SignalSpec{Metric: "cpu"})
	if _, there := os.Stat("/proc/stat"); there != nil {
		if !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("without /proc: got %v, want Invalid", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		got, err := s.Read(t.Context())
		if err == nil && (got.Value < 0 || got.Value > 100) {
			t.Errorf("got %v percent", got.Value)
		}
		if err == nil || time.Now().After(deadline) {
			if err != nil {
				t.Error(err)
			}
			return
		}
		<-time.After(20 * time.Millisecond) // ticks are of 10 ms
	}
}

func TestUnknownMetric(t *testing.T) {
	if _, err := host.New(stoker.SignalSpec{Metric: "temperature"}); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("got %v, want Invalid", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"cpu  1 2 3 4 5 6 7 8 9 10\n", "cpu 1 2 3 4", "cpu0 1 2 3 4 5", "", "cpu -1 2 3 4 5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := host.Parse(text)
		if (err == nil) != (n > 0) {
			t.Errorf("%q: %d columns, %v", text, n, err)
		}
		if err != nil && !stoker.IsKind(err, stoker.Unavailable) {
			t.Errorf("%q: got %v, want Unavailable", text, err)
		}
	})
}

func read(t *testing.T, s *host.Source) stoker.Sample {
	t.Helper()
	got, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func wantError(t *testing.T, s *host.Source) {
	t.Helper()
	if got, err := s.Read(t.Context()); !stoker.IsKind(err, stoker.Unavailable) {
		t.Errorf("got %+v, %v, want an error", got, err)
	}
}
