package request

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

// DurationPattern is the form of a duration in a template.
const DurationPattern = `\s*([0-9]+(\.[0-9]+)?|([0-9]+(\.[0-9]+)?(ms|s|m|h))+)\s*`

// ParseDuration reads a duration as templates write it: seconds, as a number
// (30, 0.5), or with units (500ms, 30s, 1m30s, 2h).
func ParseDuration(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return Seconds(n)
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 30, 1.5s or 2m", s)
	}
	return d, nil
}

// Seconds makes a duration of a number of seconds.
func Seconds(n float64) (time.Duration, error) {
	if math.IsNaN(n) || n < 0 || n > math.MaxInt64/float64(time.Second)/2 {
		return 0, errors.New("a duration is a number of seconds, 0 or more")
	}
	return time.Duration(math.Round(n * float64(time.Second))), nil
}

// Duration reads a duration, or gives another one where there is none. The
// error is Invalid and its path the key.
func (v Values) Duration(key string, otherwise time.Duration) (time.Duration, error) {
	if !v.Has(key) {
		return otherwise, nil
	}
	d, err := ParseDuration(v.String(key))
	if err != nil {
		return 0, &stoker.Error{Kind: stoker.Invalid, Path: key, Message: err.Error()}
	}
	return d, nil
}

// SecondsOf reads a number of seconds that its schema keeps at 0 or more.
func (v Values) SecondsOf(key string) time.Duration {
	d, _ := Seconds(v.Float(key))
	return d
}
