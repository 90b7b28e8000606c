package scale_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/scale"
)

// constant is a source whose reading costs nothing.
type constant struct{ reads *atomic.Int64 }

func (c constant) Read(ctx context.Context) (stoker.Sample, error) {
	c.reads.Add(1)
	return stoker.Sample{Value: 100, Total: true, Time: time.Now()}, nil
}

// BenchmarkTenThousandGroups runs 10,000 scalers, each evaluated once a second
// on groups of two, for ten seconds. The figures are the share of one core and the
// memory of the whole process, its stacks included.
func BenchmarkTenThousandGroups(b *testing.B) {
	const count, length = 10_000, 10 * time.Second
	var reads atomic.Int64
	store := newFakeStore()
	sizes := map[stoker.StackID]int{}
	for i := range count {
		sizes[stoker.StackID(fmt.Sprintf("group-%d", i))] = 2
	}
	e := scale.New(scale.Config{
		Store: store, Groups: newFakeGroups(store, sizes),
		Sources: func(stoker.Policy, string, stoker.SignalSpec) (stoker.SignalSource, error) {
			return constant{&reads}, nil
		},
	})
	for id := range sizes {
		p := recommended()
		p.ID, p.Group, p.Rules[0].Target = stoker.ScalerID(id), id, 50
		if err := e.Put(context.Background(), p); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx) }()
		<-time.After(2 * time.Second) // all have begun
		cpu, before, begin := cpuTime(), reads.Load(), time.Now()
		<-time.After(length)
		seconds := time.Since(begin).Seconds()
		b.ReportMetric((cpuTime()-cpu).Seconds()/seconds, "cores")
		b.ReportMetric(float64(reads.Load()-before)/seconds, "evaluations/s")
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc+m.StackInuse)/1e6, "MB-used")
		b.ReportMetric(float64(m.StackInuse)/1e6, "MB-stacks")
		b.ReportMetric(residentMB(), "MB-resident")
		cancel()
		<-done
	}
}

// residentMB is the memory of the process as the kernel sees it; 0 where it does not say.
func residentMB() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0
	}
	return float64(resident*int64(os.Getpagesize())) / 1e6
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkDecide(b *testing.B) {
	p, g, st := recommended(), group(5), scale.State{}
	now := epoch
	signals := map[string]scale.Reading{"rps": {}}
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Second)
		signals["rps"] = scale.Reading{Sample: stoker.Sample{Value: 300, Total: true, Time: now}}
		_, st = scale.Decide(st, p, g, signals, now)
	}
}
