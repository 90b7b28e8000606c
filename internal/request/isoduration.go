package request

import (
	"errors"
	"regexp"
	"strconv"
	"time"
)

var isoDuration = regexp.MustCompile(`^PT(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?$`)

// ISODuration reads a duration as CloudFormation's templates write it: PT1H30M5S,
// each part optional.
func ISODuration(s string) (time.Duration, error) {
	parts := isoDuration.FindStringSubmatch(s)
	if parts == nil {
		return 0, errors.New("only ISO 8601 durations of the form PT#H#M#S are supported")
	}
	var seconds float64
	for i, unit := range []float64{3600, 60, 1} {
		n, _ := strconv.ParseFloat(parts[i+1], 64) // empty: 0
		seconds += n * unit
	}
	return Seconds(seconds)
}
