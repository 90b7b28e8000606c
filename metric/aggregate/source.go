// Package aggregate makes one signal of several of the same unit: their mean, sum, least
// or greatest. It reads no signal by itself, and starts no goroutine that outlives a
// reading.
package aggregate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/condition"
)

// Source reads all its signals at once.
type Source struct {
	method  string
	sources []stoker.SignalSource
}

var _ stoker.SignalSource = (*Source)(nil)

// New makes a source for the aggregate in spec.Query; open makes those of its signals.
// Errors: Invalid, and those of open.
func New(spec stoker.SignalSpec, open func(stoker.SignalSpec) (stoker.SignalSource, error)) (*Source, error) {
	a, err := condition.ParseAggregate(spec.Query)
	if err != nil {
		return nil, err
	}
	s := &Source{method: a.Method}
	for i, one := range a.Signals {
		source, err := open(one)
		if err != nil {
			return nil, fmt.Errorf("signal %d: %w", i+1, err)
		}
		s.sources = append(s.sources, source)
	}
	return s, nil
}

// Read gives the aggregate, as old as the oldest sample. One signal that cannot be read is an
// error: without it the others say something else. Errors: Unavailable.
func (s *Source) Read(ctx context.Context) (stoker.Sample, error) {
	samples, errs := make([]stoker.Sample, len(s.sources)), make([]error, len(s.sources))
	var reads sync.WaitGroup
	for i, source := range s.sources {
		reads.Go(func() { samples[i], errs[i] = source.Read(ctx) })
	}
	reads.Wait()
	if ctx.Err() != nil {
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "read the signals of an aggregate: %w", ctx.Err())
	}
	var values []float64
	var texts []string
	out := stoker.Sample{Time: samples[0].Time}
	for i, one := range samples {
		if errs[i] != nil {
			return stoker.Sample{}, fmt.Errorf("signal %d of %d: %w", i+1, len(s.sources), errs[i])
		}
		values, texts = append(values, one.Value), append(texts, fmt.Sprintf("%.4g", one.Value))
		if one.Time.Before(out.Time) {
			out.Time = one.Time
		}
	}
	out.Value, out.Detail = combine(s.method, values), s.method+" of "+strings.Join(texts, ", ")
	return out, nil
}

func combine(method string, values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	switch method {
	case "min":
		return slices.Min(values)
	case "max":
		return slices.Max(values)
	case "mean":
		return sum / float64(len(values))
	}
	return sum
}
