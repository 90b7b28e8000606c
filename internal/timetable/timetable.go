// Package timetable knows times that come again: a start by a cron expression, in a time
// zone, and how long it lasts. It looks at no clock.
package timetable

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // machines without zones

	"github.com/netresearch/go-cron"
)

// Window comes again and again. It is open from each start for its duration, both ends
// included.
type Window struct {
	schedule cron.Schedule
	lasts    time.Duration
	zone     *time.Location
}

var parser = cron.MustNewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow |
	cron.DowOrDom | cron.DowNth)

// Parse reads a cron expression of five fields, or of six whose last are seconds, as
// croniter has them, which Heat and Aodh use: of a day of the month and one of the week,
// either counts. zone is a name as Europe/Berlin; empty: UTC. The errors say what is wrong
// for people.
func Parse(start, zone string, lasts time.Duration) (Window, error) {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return Window{}, fmt.Errorf("there is no time zone %q", zone)
	}
	fields := strings.Fields(start)
	if len(fields) == 6 {
		fields = append(fields[5:], fields[:5]...)
	}
	if len(fields) < 5 || len(fields) > 6 || strings.Contains(start, "=") {
		return Window{}, fmt.Errorf("%q is no cron expression: minute, hour, day of the month, month and day of the week are wanted, and perhaps the second", start)
	}
	schedule, err := parser.Parse(strings.Join(fields, " "))
	if err != nil {
		return Window{}, fmt.Errorf("%q is no cron expression: %w", start, err)
	}
	if lasts < 0 {
		return Window{}, fmt.Errorf("it cannot last for %v", lasts)
	}
	return Window{schedule, lasts, location}, nil
}

// Open tells whether the window is open at a time.
func (w Window) Open(t time.Time) bool {
	began := w.schedule.Next(t.Add(-w.lasts - 1).In(w.zone))
	return !began.IsZero() && !began.After(t)
}

// Next is when it opens after a time; zero if that is more than some years away.
func (w Window) Next(t time.Time) time.Time { return w.schedule.Next(t.In(w.zone)) }
