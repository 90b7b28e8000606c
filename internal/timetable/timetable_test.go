package timetable_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker/internal/timetable"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	out, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWindows(t *testing.T) {
	for _, tt := range []struct {
		start, zone string
		lasts       time.Duration
		open, shut  []string
		next        string // after the last of shut
	}{
		{"0 9 * * 1-5", "", 8 * time.Hour, // office hours
			[]string{"2026-11-27T09:00:00Z", "2026-11-27T16:59:59Z", "2026-11-27T17:00:00Z"},
			[]string{"2026-11-27T08:59:59Z", "2026-11-28T10:00:00Z", "2026-11-27T17:00:01Z"}, "2026-11-30T09:00:00Z"},
		{"30 22 * * *", "Europe/Berlin", 2 * time.Hour, // over midnight, in summer and in winter
			[]string{"2026-07-01T20:30:00Z", "2026-07-01T22:29:00Z", "2026-11-27T21:30:00Z", "2026-11-27T23:30:00Z"},
			[]string{"2026-07-01T20:29:00Z", "2026-11-27T20:30:00Z"}, "2026-11-27T21:30:00Z"},
		{"0 0 1 * mon", "UTC", time.Hour, // either day counts
			[]string{"2026-12-01T00:30:00Z", "2026-11-30T00:30:00Z"}, []string{"2026-12-02T00:30:00Z"}, "2026-12-07T00:00:00Z"},
		{"*/10 * * * * 30", "", 0, // the last field are seconds
			[]string{"2026-11-27T09:10:30Z"}, []string{"2026-11-27T09:10:31Z", "2026-11-27T09:10:29Z"}, "2026-11-27T09:10:30Z"},
		{"0 0 * * fri#2", "", time.Hour, []string{"2026-11-13T00:10:00Z"}, []string{"2026-11-20T00:10:00Z"}, "2026-12-11T00:00:00Z"},
		{"0 0 31 2 *", "", time.Hour, nil, []string{"2026-02-28T00:10:00Z"}, ""}, // never
	} {
		w, err := timetable.Parse(tt.start, tt.zone, tt.lasts)
		if err != nil {
			t.Errorf("%s: %v", tt.start, err)
			continue
		}
		for _, text := range tt.open {
			if !w.Open(at(t, text)) {
				t.Errorf("%s %s: shut at %s", tt.start, tt.zone, text)
			}
		}
		for _, text := range tt.shut {
			if w.Open(at(t, text)) {
				t.Errorf("%s %s: open at %s", tt.start, tt.zone, text)
			}
		}
		next := w.Next(at(t, tt.shut[len(tt.shut)-1]))
		if (tt.next == "") != next.IsZero() || tt.next != "" && !next.Equal(at(t, tt.next)) {
			t.Errorf("%s %s: opens at %v, want %s", tt.start, tt.zone, next, tt.next)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		start, zone string
		lasts       time.Duration
		says        string
	}{
		{"", "", 1, "no cron expression"}, {"* * * *", "", 1, "minute, hour"}, {"61 * * * *", "", 1, "61"}, {"a b c d e", "", 1, "no cron expression"},
		{"@daily", "", 1, "no cron expression"}, {"TZ=UTC 0 0 * * *", "", 1, "no cron expression"},
		{"0 0 * * *", "Mars/Olympus", 1, "no time zone"}, {"0 0 * * *", "", -1, "cannot last"},
	} {
		if _, err := timetable.Parse(tt.start, tt.zone, tt.lasts); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%q %q: got %v, want it to say %q", tt.start, tt.zone, err, tt.says)
		}
	}
}

// FuzzParse holds that what is read can be asked, and says the same twice.
func FuzzParse(f *testing.F) {
	f.Add("0 9 * * 1-5", "Europe/Berlin", int64(3600))
	f.Add("*/10 * * * * 30", "", int64(0))
	f.Add("0 0 31 2 *", "UTC", int64(1))
	f.Fuzz(func(t *testing.T, start, zone string, lasts int64) {
		w, err := timetable.Parse(start, zone, time.Duration(lasts)*time.Second)
		if err != nil {
			return
		}
		now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
		if next := w.Next(now); !next.IsZero() && (!next.After(now) || !w.Open(next)) {
			t.Errorf("%q %q: the next time is %v", start, zone, next)
		}
	})
}
