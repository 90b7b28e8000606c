package host

import (
	"math"
	"strconv"
	"strings"

	"github.com/stoker-project/stoker"
)

// The columns of the line "cpu" in /proc/stat that mean something by themselves;
// all others are work.
const (
	idle      = 3
	iowait    = 4
	guest     = 8 // counted in user already
	guestNice = 9 // counted in nice already
)

// times is what all processors together have done since the machine started, by
// column, in ticks.
type times []uint64

// parse reads the first line of /proc/stat.
func parse(text string) (times, error) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 1+iowait || fields[0] != "cpu" {
		return nil, stoker.Errorf(stoker.Unavailable, "read the processors' times: %.60q is no line of /proc/stat", line)
	}
	t := make(times, len(fields)-1)
	for i, f := range fields[1:] {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return nil, stoker.Errorf(stoker.Unavailable, "read the processors' times: %w", err)
		}
		t[i] = n
	}
	return t, nil
}

// share gives the percentage of the time from before to t that the processors
// were busy, in tenths as psutil.cpu_percent() has it. ok is false when no time
// has passed. Waiting for a disk is no work; a column that went back, as the kernel's iowait
// does, has not moved.
func (t times) share(before times) (percent float64, ok bool) {
	var all, busy float64
	for i := range min(len(t), len(before)) {
		if i == guest || i == guestNice || t[i] < before[i] {
			continue
		}
		d := float64(t[i] - before[i])
		all += d
		if i != idle && i != iowait {
			busy += d
		}
	}
	if all == 0 {
		return 0, false
	}
	return math.Round(1000*busy/all) / 10, true
}
