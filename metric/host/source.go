// Package host measures the machine that Stoker runs on: how busy its processors
// are, whoever uses them. It knows nothing of servers or groups; package cpu
// measures those. It starts no goroutine.
package host

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// statFile is where Linux tells what the processors have done.
const statFile = "/proc/stat"

// Source reads how busy all processors of this machine are together, in percent
// from 0 to 100: a level. It may be read by one goroutine at a time.
type Source struct {
	file   string
	window time.Duration
	past   []point // oldest first; those a window old or older are one
}

// point is what the processors had done at a moment.
type point struct {
	at    time.Time
	times times
}

var _ stoker.SignalSource = (*Source)(nil)

// New makes a source; spec names Metric, cpu or nothing, and Window: the time that
// is averaged over, by default since the reading before. Errors: Invalid for another
// metric, and on a machine that does not tell.
func New(spec stoker.SignalSpec) (*Source, error) {
	if spec.Metric != "" && spec.Metric != "cpu" {
		return nil, &stoker.Error{Kind: stoker.Invalid, Path: "metric", Message: fmt.Sprintf("the host does not measure %q", spec.Metric),
			Hint: "It measures cpu."}
	}
	if _, err := os.Stat(statFile); err != nil {
		return nil, &stoker.Error{Kind: stoker.Invalid, Path: "source", Message: "this machine does not tell how busy its processors are", Err: err,
			Hint: "Use another source, like balancer."}
	}
	return &Source{file: statFile, window: spec.Window}, nil
}

// Read gives the share of the time since the reading before, or of the window, in
// which the processors were busy. The first reading is an error, for there is
// nothing to compare with. Errors: Unavailable.
func (s *Source) Read(ctx context.Context) (stoker.Sample, error) {
	if err := ctx.Err(); err != nil {
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "read the processors' times: %w", err)
	}
	text, err := os.ReadFile(s.file)
	if err != nil {
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "read the processors' times: %w", err)
	}
	now, err := parse(string(text))
	if err != nil {
		return stoker.Sample{}, err
	}
	return s.sample(point{time.Now(), now})
}

// sample compares the newest point with the past, and makes it part of that.
func (s *Source) sample(p point) (stoker.Sample, error) {
	first := 0
	for first+1 < len(s.past) && p.at.Sub(s.past[first+1].at) >= s.window {
		first++
	}
	s.past = append(slices.Delete(s.past, 0, first), p)
	from := s.past[0]
	percent, ok := p.times.share(from.times)
	if !ok {
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "there is no earlier reading of the processors to compare with")
	}
	return stoker.Sample{
		Value: percent, Time: p.at,
		Detail: fmt.Sprintf("all processors, %v", p.at.Sub(from.at).Round(100*time.Millisecond)),
	}, nil
}
