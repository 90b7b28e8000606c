package builtin_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/balancertest"
	"github.com/stoker-project/stoker/balancer/builtin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newBalancer(t *testing.T) *builtin.Balancer {
	t.Helper()
	b := builtin.New(builtin.Config{Grace: 100 * time.Millisecond})
	t.Cleanup(b.Close)
	return b
}

func TestConformance(t *testing.T) {
	balancertest.Run(t, func(t *testing.T) stoker.Balancer { return newBalancer(t) })
}
