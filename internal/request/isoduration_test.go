package request_test

import (
	"testing"
	"time"

	"github.com/stoker-project/stoker/internal/request"
)

func TestISODuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"PT": 0, "PT0S": 0, "PT5S": 5 * time.Second, "PT2M": 2 * time.Minute, "PT1H": time.Hour, "PT1H1M1S": 3661 * time.Second,
	} {
		if got, err := request.ISODuration(in); got != want || err != nil {
			t.Errorf("%q: got %v (%v), want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "P1D", "PT1.5S", "PT-1S", "5S", "PT1S1M", "PT999999999999H", "pt1s"} {
		if got, err := request.ISODuration(in); err == nil {
			t.Errorf("%q is %v, want an error", in, got)
		}
	}
}

func FuzzISODuration(f *testing.F) {
	f.Add("PT1H30M5S")
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := request.ISODuration(s); d < 0 || err != nil && d != 0 {
			t.Errorf("%q: %v, %v", s, d, err)
		}
	})
}
