package octavia_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/octavia"
)

func TestMakeProfile(t *testing.T) {
	for _, c := range []struct {
		zone                 bool
		provider, data, want string // of the error; empty: there is none
		property             string
	}{
		{false, "", `{"retries": 0, "queue_timeout": 30, "drain_timeout": 1}`, "", ""},
		{false, "stoker", `{}`, "", ""},
		{false, "amphora", `{"loadbalancer_topology": "ACTIVE_STANDBY"}`, "", ""},
		{false, "amphora", `[]`, "no JSON object", "flavor_data"},
		{false, "f5", `{}`, "Provider 'f5' is not enabled.", "provider_name"},
		{false, "", `null`, "no JSON object", "flavor_data"},
		{false, "", `{"retries": 1.5}`, "retries: 1.5 is no whole number from 0 to 10", "flavor_data"},
		{false, "", `{"retries": 11}`, "from 0 to 10", "flavor_data"},
		{false, "", `{"queue_timeout": "5"}`, "no whole number", "flavor_data"},
		{false, "", `{"compute_zone": "a"}`, `has no "compute_zone": there are drain_timeout, queue_timeout, retries`, "flavor_data"},
		{true, "", `{"compute_zone": "a", "management_network": "m", "valid_vip_networks": ["n"]}`, "", ""},
		{true, "", `{"compute_zone": 1}`, "no text", "availability_zone_data"},
		{true, "", `{"valid_vip_networks": "n"}`, "no list", "availability_zone_data"},
	} {
		_, property, err := octavia.MakeProfile(object("p"), c.zone, c.provider, c.data)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.data, err)
		case c.want != "" && (!stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), c.want) || property != c.property):
			t.Errorf("%s: got %v of %q, want %q of %q", c.data, err, property, c.want, c.property)
		}
	}
}

func FuzzMakeProfile(f *testing.F) {
	f.Add(false, `{"retries": 3, "queue_timeout": 3600}`)
	f.Add(true, `{"valid_vip_networks": ["a"]}`)
	f.Fuzz(func(t *testing.T, zone bool, data string) {
		p, _, err := octavia.MakeProfile(object("p"), zone, "", data)
		if s := p.Settings; err == nil && s.Retries != nil && (*s.Retries < 0 || *s.Retries > 10) {
			t.Errorf("%s: retries %d", data, *s.Retries)
		}
	})
}

// wantFault checks what an error says.
func wantFault(t *testing.T, err error, kind stoker.Kind, words string) {
	t.Helper()
	if !stoker.IsKind(err, kind) || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want %s with %q", err, kind, words)
	}
}

func TestFlavors(t *testing.T) {
	s := octavia.New()
	profile := func(data string) {
		t.Helper()
		p, _, err := octavia.MakeProfile(object("profile"), false, "", data)
		if err != nil {
			t.Fatal(err)
		}
		s.PutProfile(p)
	}
	profile(`{"retries": 7, "queue_timeout": 60, "drain_timeout": 0}`)
	flavor := octavia.Offer{Object: object("gold"), Profile: "profile"}
	s.PutOffer(flavor)
	o, asked, err := s.Choose(false, "of somebody else", "gold") // flavors are for all
	if err != nil || o.ID != "gold" || *asked.Retries != 7 {
		t.Fatalf("chosen: %+v, %+v, %v", o, asked, err)
	}
	_, _, err = s.Choose(false, "p", "silver")
	wantFault(t, err, stoker.NotFound, "The flavor (silver) could not be found")
	_, _, err = s.Choose(true, "p", "gold")
	wantFault(t, err, stoker.NotFound, "The availabilityzone (gold) could not be found")

	s.PutLoadBalancer(octavia.LoadBalancer{Object: object("lb"), VIP: netip.MustParseAddr("10.0.0.9"), Flavor: "gold"})
	for id, of := range map[string]octavia.Pool{
		"direct":   {Object: object("direct"), HTTP: true, LoadBalancer: "lb"},
		"listened": {Object: object("listened"), HTTP: true, Listener: "http"},
	} {
		if err := s.PutPool(of); err != nil {
			t.Fatal(err)
		}
		if err := s.PutListener(octavia.Listener{Object: object("http"), LoadBalancer: "lb", Port: 80, Protocol: stoker.ProtocolHTTP, Pool: of.ID}); err != nil {
			t.Fatal(err)
		}
		profile(`{"retries": 7, "queue_timeout": 60, "drain_timeout": 0}`)
		p := s.Wanted(none).Pools[stoker.PoolID(id)]
		if p.Retries != 7 || p.QueueTimeout != time.Minute || *s.SettingsOf(octavia.ID(id)).DrainTimeout != 0 {
			t.Errorf("%s: retries %d, queue %s, %+v", id, p.Retries, p.QueueTimeout, s.SettingsOf(octavia.ID(id)))
		}
		profile(`{"retries": 1}`) // counts at once; what is left out has its default
		if p := s.Wanted(none).Pools[stoker.PoolID(id)]; p.Retries != 1 || p.QueueTimeout != 5*time.Second {
			t.Errorf("%s after a change: retries %d, queue %s", id, p.Retries, p.QueueTimeout)
		}
	}
	flavor.Down = true
	s.PutOffer(flavor)
	_, _, err = s.Choose(false, "p", "gold")
	wantFault(t, err, stoker.Invalid, "The selected flavor is not allowed in this deployment: gold")
	wantFault(t, s.RemoveOffer(false, "gold"), stoker.Conflict, "flavor gold is in use and cannot be modified.")
	wantFault(t, s.RemoveProfile(false, "profile"), stoker.Conflict, "flavorprofile profile is in use")
	s.Remove("lb")
	for _, err := range []error{s.RemoveOffer(false, "gold"), s.RemoveProfile(false, "profile"), s.RemoveProfile(false, "profile")} {
		if err != nil {
			t.Error(err)
		}
	}
}

func TestQuotas(t *testing.T) {
	s := octavia.New()
	admit := func(id string) error { return s.Admit(octavia.Members, object(id)) }
	for n := range 3 {
		if err := admit(fmt.Sprint("early", n)); err != nil {
			t.Fatal(err) // without a quota
		}
	}
	mine := object("x").Project
	s.PutQuota(octavia.Quota{Object: object("q"), Of: mine, Most: map[octavia.Counted]int{octavia.Members: 4, octavia.Pools: -1}})
	s.PutQuota(octavia.Quota{Object: object("another's"), Of: "another", Most: map[octavia.Counted]int{octavia.Members: 0}})
	s.PutMember(octavia.Member{Object: object("early0"), Pool: "p"}) // is not counted twice
	if err := admit("fourth"); err != nil {
		t.Errorf("the fourth: %v", err)
	}
	wantFault(t, admit("fifth"), stoker.Forbidden, "Quota has been met for resources: Member")
	if err := admit("fourth"); err != nil {
		t.Errorf("asking twice: %v", err)
	}
	if err := s.Admit(octavia.Pools, object("pool")); err != nil {
		t.Errorf("another kind: %v", err)
	}
	s.Remove("early1") // was never made
	if err := admit("fifth"); err != nil {
		t.Errorf("after one has gone: %v", err)
	}
	s.PutQuota(octavia.Quota{Object: object("smaller"), Of: mine, Most: map[octavia.Counted]int{octavia.Members: 1}})
	wantFault(t, admit("sixth"), stoker.Forbidden, "Member")
	s.Remove("smaller")
	s.Remove("q")
	if err := admit("sixth"); err != nil {
		t.Errorf("without quotas: %v", err)
	}
}
