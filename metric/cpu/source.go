package cpu

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// DefaultWindow is the time that is averaged over where the user gives none.
const DefaultWindow = 10 * time.Second

// Source reads the mean processor use of a group's servers in percent, a level: 100 is
// one processor fully used, whatever the flavor allows, so that servers
// with two may come to 200. The processor time of starting up is not load: servers younger
// than the window are left out, unless all are.
type Source struct {
	meter  *Meter
	group  stoker.StackID
	window time.Duration
	past   map[stoker.ServerToken][]point // of each server, oldest first
}

// point is the processor time that a server had used at a moment.
type point struct {
	at      time.Time
	seconds float64
}

var _ stoker.SignalSource = (*Source)(nil)

// Source makes the source of a group; spec names Window. Sources of one meter may be
// read concurrently.
func (m *Meter) Source(group stoker.StackID, spec stoker.SignalSpec) *Source {
	return &Source{
		meter: m, group: group,
		window: cmp.Or(spec.Window, DefaultWindow),
		past:   map[stoker.ServerToken][]point{},
	}
}

// Read gives the mean of the last window, or as much of it as was seen. Where the
// time of more than half of the servers is not known it gives an error. Errors: Unavailable.
func (s *Source) Read(ctx context.Context) (stoker.Sample, error) {
	r, err := s.meter.read(ctx)
	if err != nil {
		return stoker.Sample{}, err
	}
	servers := r.servers[s.group]
	if len(servers) == 0 {
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "the group has no active server to measure")
	}
	s.remember(servers, r.at)
	sum, known := s.sum(servers, r.at)
	counted := s.counted(servers, r.at)
	if known == 0 || 2*known < counted {
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "the processor time of %d of %d servers is known", known, counted)
	}
	return stoker.Sample{
		Value: sum / float64(known), Time: r.at,
		Detail: fmt.Sprintf("%d of %d servers", known, len(servers)),
	}, nil
}

// remember adds the reading to the past of each server, and forgets those that left.
func (s *Source) remember(servers []server, at time.Time) {
	past := make(map[stoker.ServerToken][]point, len(servers))
	for _, one := range servers {
		points := s.past[one.token]
		if one.known {
			points = s.add(points, point{at, one.seconds})
		}
		past[one.token] = points
	}
	s.past = past
}

// add keeps, of the points a window old or older, the youngest. A time that went back
// is that of another process.
func (s *Source) add(points []point, p point) []point {
	n := len(points)
	switch {
	case n > 0 && p.seconds < points[n-1].seconds:
		points = points[:0]
	case n > 0 && !p.at.After(points[n-1].at):
		return points
	}
	points = append(points, p)
	first := 0
	for first+1 < len(points) && p.at.Sub(points[first+1].at) >= s.window {
		first++
	}
	return slices.Delete(points, 0, first)
}

// sum adds up the percentages of the servers that count and are known.
func (s *Source) sum(servers []server, at time.Time) (sum float64, known int) {
	all := s.counted(servers, at) == len(servers)
	for _, one := range servers {
		points := s.past[one.token]
		if !one.known || len(points) < 2 || !all && s.young(one, at) {
			continue
		}
		from, to := points[0], points[len(points)-1]
		sum += 100 * (to.seconds - from.seconds) / to.at.Sub(from.at).Seconds()
		known++
	}
	return sum, known
}

// counted is how many servers ought to count.
func (s *Source) counted(servers []server, at time.Time) int {
	n := 0
	for _, one := range servers {
		if !s.young(one, at) {
			n++
		}
	}
	if n == 0 {
		return len(servers)
	}
	return n
}

func (s *Source) young(one server, at time.Time) bool {
	return at.Sub(one.created) < s.window
}
