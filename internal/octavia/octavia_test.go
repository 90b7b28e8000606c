package octavia_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/octavia"
)

func object(id string) octavia.Object {
	return octavia.Object{ID: octavia.ID(id), Name: id, Project: "p"}
}

func TestCodes(t *testing.T) {
	for text, want := range map[string]string{
		"200": "[200]", "200,202": "[200 202]", "200, 301-303": "[200 301 302 303]",
		"": "", "99": "", "600": "", "204-200": "", "200-": "", "all": "", "200;201": "",
	} {
		got, err := octavia.Codes(text)
		if shown := fmt.Sprint(got); err == nil && shown != want || (err != nil) != (want == "") {
			t.Errorf("%q: got %v, %v, want %s", text, got, err, want)
		}
	}
}

func FuzzCodes(f *testing.F) {
	f.Add("200")
	f.Add("200,202-204")
	f.Add("-1-99999999999999999999,")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := octavia.Codes(text)
		if (err == nil) == (len(got) == 0) {
			t.Errorf("%q: got %v and %v", text, got, err)
		}
		for _, n := range got {
			if n < 100 || n > 599 {
				t.Errorf("%q: %d is no status", text, n)
			}
		}
	})
}

func none(octavia.LoadBalancer) []netip.Addr { return nil }

// ports lists the ports that the pools listen on.
func ports(s *octavia.Service) []int {
	var out []int
	for _, p := range s.Wanted(none).Pools {
		for _, l := range p.Listeners {
			out = append(out, l.Port)
		}
	}
	slices.Sort(out)
	return out
}

func TestPoolsThatAreWanted(t *testing.T) {
	s := octavia.New()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// In the order of a restart at its worst: what is referred to comes last.
	s.PutMember(octavia.Member{Object: object("m"), Pool: "one", Address: "10.0.0.1:80", Weight: 1})
	s.PutMember(octavia.Member{Object: object("off"), Pool: "one", Address: "10.0.0.2:80", Weight: 1, Down: true})
	s.PutMember(octavia.Member{Object: object("zero"), Pool: "one", Address: "10.0.0.3:80"})
	must(s.PutPool(octavia.Pool{Object: object("one"), Listener: "http"}))
	must(s.PutPool(octavia.Pool{Object: object("two"), LoadBalancer: "lb"}))
	must(s.PutListener(octavia.Listener{Object: object("http"), LoadBalancer: "lb", Port: 80}))
	must(s.PutListener(octavia.Listener{Object: object("tcp"), LoadBalancer: "lb", Port: 81, Pool: "two"}))
	must(s.PutListener(octavia.Listener{Object: object("tls"), LoadBalancer: "lb", Port: 82, Pool: "two"}))
	if got := ports(s); got != nil {
		t.Errorf("without a load balancer: listening on %v", got)
	}
	lb := octavia.LoadBalancer{Object: object("lb"), VIP: netip.MustParseAddr("10.0.0.9")}
	s.PutLoadBalancer(lb)
	if got, want := ports(s), []int{80, 81, 82}; !slices.Equal(got, want) {
		t.Errorf("listening on %v, want %v", got, want)
	}
	w := s.Wanted(func(octavia.LoadBalancer) []netip.Addr { return []netip.Addr{netip.MustParseAddr("127.0.100.1")} })
	if got := len(w.Pools["two"].Listeners); got != 4 {
		t.Errorf("%d listeners on two addresses, want 4", got)
	}
	if got := w.Members["one"]; len(got) != 1 || got["m"].Address != "10.0.0.1:80" {
		t.Errorf("members are %v", got)
	}
	if err := s.PutListener(octavia.Listener{Object: object("again"), LoadBalancer: "lb", Port: 80}); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("a port twice: got %v, want a conflict", err)
	}
	if err := s.PutPool(octavia.Pool{Object: object("three"), Listener: "http"}); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("a second pool of a listener: got %v, want a conflict", err)
	}
	lb.Down = true
	s.PutLoadBalancer(lb)
	if got := ports(s); got != nil {
		t.Errorf("a load balancer that is off listens on %v", got)
	}
}
