package metrictest_test

import (
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/metric/metrictest"
)

func TestFake(t *testing.T) {
	metrictest.Run(t, func(t *testing.T) metrictest.Subject {
		f := &metrictest.Fake{}
		f.Set(3, true)
		return metrictest.Subject{
			Source: f, Total: true, Hang: f.Silence,
			Break: func() { f.Fail(stoker.Errorf(stoker.Unavailable, "connection refused")) },
			Mend:  func() { f.Fail(nil) },
		}
	})
}
