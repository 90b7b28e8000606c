// Package balancertest is the contract of stoker.Balancer in code: a suite that
// every balancer passes, with real HTTP and TCP servers on loopback behind it,
// and a Fake in memory for tests of engines. It measures no speed.
//
// Goroutines: the suite's servers end with the test that started them; a Fake
// has none.
package balancertest

import (
	"slices"
	"testing"

	"github.com/stoker-project/stoker"
)

// Ability is a part of the contract that a balancer may be without.
type Ability string

// The abilities.
const (
	Traffic   Ability = "traffic"   // there is a real proxy
	AutoPort  Ability = "autoport"  // port 0 chooses one
	TCP       Ability = "tcp"       // listeners for TCP
	TLS       Ability = "tls"       // https listeners, HTTP/2 by ALPN, certificates changed in place
	H2C       Ability = "h2c"       // HTTP/2 with prior knowledge on http
	WebSocket Ability = "websocket" // and other upgrades
	Sticky    Ability = "sticky"
	Retry     Ability = "retry"
	Queue     Ability = "queue"
)

// Run runs the suite. newBalancer makes a fresh balancer and arranges with
// t.Cleanup that it ends. without names what the balancer does not claim to do.
func Run(t *testing.T, newBalancer func(t *testing.T) stoker.Balancer, without ...Ability) {
	for _, c := range slices.Concat(poolCases, memberCases, healthCases, spreadCases, drainCases, httpCases, tlsCases, tcpCases, policyCases, churnCases) {
		t.Run(c.name, func(t *testing.T) {
			for _, need := range c.needs {
				if slices.Contains(without, need) {
					t.Skipf("without %s", need)
				}
			}
			t.Parallel()
			c.test(&suite{T: t, b: newBalancer(t), autoPort: !slices.Contains(without, AutoPort)})
		})
	}
}

// A testCase is one sentence of the contract.
type testCase struct {
	name  string
	needs []Ability
	test  func(s *suite)
}

// suite is what a case works with.
type suite struct {
	*testing.T
	b        stoker.Balancer
	autoPort bool
}
