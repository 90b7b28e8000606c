package octavia_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/octavia"
)

func TestPoliciesInOctaviasOrder(t *testing.T) {
	s := octavia.New()
	s.PutLoadBalancer(octavia.LoadBalancer{Object: object("lb"), VIP: netip.MustParseAddr("10.0.0.9")})
	if err := s.PutListener(octavia.Listener{Object: object("http"), LoadBalancer: "lb", Port: 80, Protocol: stoker.ProtocolHTTP}); err != nil {
		t.Fatal(err)
	}
	if err := s.PutPool(octavia.Pool{Object: object("api"), LoadBalancer: "lb", HTTP: true}); err != nil {
		t.Fatal(err)
	}
	put := func(id string, action stoker.L7Action, position int, rules int) octavia.L7Policy {
		t.Helper()
		p := octavia.L7Policy{Object: object(id), Listener: "http", Action: action, Position: position, RedirectPool: "api"}
		if err := s.PutL7Policy(p); err != nil {
			t.Fatal(err)
		}
		for n := range rules {
			s.PutL7Rule(octavia.L7Rule{Object: object(fmt.Sprint(id, n)), Policy: p.ID, Rule: octavia.MakeL7Rule("PATH", "EQUAL_TO", "k", "/", false)})
		}
		return p
	}
	names := func() (out []string) {
		for _, p := range s.Wanted(none).Pools {
			for _, l := range p.Listeners {
				for _, policy := range l.Policies {
					out = append(out, policy.Name)
				}
			}
		}
		return out
	}
	put("pool", stoker.L7ToPool, 1, 1)
	put("url", stoker.L7Redirect, 2, 2)
	late := put("late", stoker.L7Reject, 9, 1)
	put("early", stoker.L7Reject, 3, 1)
	put("bare", stoker.L7Reject, 1, 0)
	if got, want := fmt.Sprint(names()), "[early late url pool]"; got != want {
		t.Errorf("policies: got %s, want %s", got, want)
	}
	if _, ok := s.Wanted(none).Pools["api"]; !ok || s.Tail("http") != 10 {
		t.Errorf("wanted: %v, the tail is %d", s.Wanted(none).Pools, s.Tail("http"))
	}
	if _, ok := s.Wanted(none).Pools["http"]; !ok {
		t.Error("a listener with policies and no pool listens nowhere")
	}
	late.Down = true
	if err := s.PutL7Policy(late); err != nil {
		t.Fatal(err)
	}
	s.Remove("pool")
	if got, want := fmt.Sprint(names()), "[early url]"; got != want {
		t.Errorf("policies, one off and one gone: got %s, want %s", got, want)
	}
	if _, ok := s.Wanted(none).Pools["api"]; ok {
		t.Error("a pool that nothing leads to is wanted")
	}
}
