package octavia

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/catalog"
)

type (
	// Profile is what flavors, or availability zones, stand for.
	Profile struct {
		Object
		Zone     bool // of availability zones
		Provider string
		Data     string // JSON, as it was given
		Settings Settings
	}
	// Offer is a flavor, or an availability zone, that load balancers can name.
	Offer struct {
		Object
		Zone    bool
		Profile ID
		Down    bool // load balancers that come may not name it
	}
	// Settings are what a profile asks of our balancers. What is nil has its default.
	Settings struct {
		Retries      *int           // of a request, on other members
		QueueTimeout *time.Duration // of a request while no member is up
		DrainTimeout *time.Duration // of a member that leaves
		VIPNetworks  []string       // where addresses may be, by ID; none: anywhere
	}
)

// Provider is our own name. Profiles of other providers are taken, so that templates
// that know them work, and ask nothing of our balancers.
const Provider = "stoker"

var others = []string{"amphora", "amphorav2", "octavia", "ovn"}

// MakeProfile reads the data of a profile. Errors: Invalid, with the property it is about.
func MakeProfile(o Object, zone bool, provider, data string) (Profile, string, error) {
	o.Everyone = true
	p := Profile{Object: o, Zone: zone, Provider: provider, Data: data}
	of := map[bool]string{false: "flavor_data", true: "availability_zone_data"}[zone]
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(data), &fields); err != nil || fields == nil {
		return p, of, stoker.Errorf(stoker.Invalid, "%q is no JSON object", data)
	}
	if provider == "" {
		p.Provider = Provider
	}
	if slices.Contains(others, p.Provider) {
		return p, "", nil
	}
	if p.Provider != Provider {
		return p, "provider_name", &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("Provider '%s' is not enabled.", provider),
			Hint: "Here there is " + Provider + "; profiles of " + strings.Join(others, ", ") + " are taken, and ask for nothing."}
	}
	read := flavorFields(&p.Settings)
	if zone {
		read = zoneFields(&p.Settings)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		set := read[name]
		if set == nil {
			return p, of, stoker.Errorf(stoker.Invalid, "%s has no %q: there are %s", of, name, strings.Join(slices.Sorted(maps.Keys(read)), ", "))
		}
		if err := set(fields[name]); err != nil {
			return p, of, stoker.Errorf(stoker.Invalid, "%s: %w", name, err)
		}
	}
	return p, "", nil
}

func flavorFields(s *Settings) map[string]func(json.RawMessage) error {
	whole := func(raw json.RawMessage, most int) (int, error) {
		var n int
		if err := json.Unmarshal(raw, &n); err != nil || n < 0 || n > most {
			return 0, fmt.Errorf("%s is no whole number from 0 to %d", raw, most)
		}
		return n, nil
	}
	seconds := func(to **time.Duration) func(json.RawMessage) error {
		return func(raw json.RawMessage) error {
			n, err := whole(raw, 3600)
			d := time.Duration(n) * time.Second
			*to = &d
			return err
		}
	}
	return map[string]func(json.RawMessage) error{
		"retries": func(raw json.RawMessage) error {
			n, err := whole(raw, 10)
			s.Retries = &n
			return err
		},
		"queue_timeout": seconds(&s.QueueTimeout),
		"drain_timeout": seconds(&s.DrainTimeout),
	}
}

// zoneFields are those of the reference provider that mean something everywhere, and
// those that mean a place: here there is one.
func zoneFields(s *Settings) map[string]func(json.RawMessage) error {
	place := func(raw json.RawMessage) error {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return fmt.Errorf("%s is no text", raw)
		}
		return nil
	}
	return map[string]func(json.RawMessage) error{
		"compute_zone": place, "management_network": place, "volume_zone": place,
		"valid_vip_networks": func(raw json.RawMessage) error {
			if err := json.Unmarshal(raw, &s.VIPNetworks); err != nil {
				return fmt.Errorf("%s is no list of IDs of networks", raw)
			}
			return nil
		},
	}
}

// PutProfile is like PutLoadBalancer.
func (s *Service) PutProfile(p Profile) { put(s, s.profilesOf(p.Zone), p) }

// PutOffer is like PutLoadBalancer.
func (s *Service) PutOffer(o Offer) {
	o.Everyone = true
	put(s, s.offersOf(o.Zone), o)
}

func (s *Service) profilesOf(zone bool) catalog.Table[Profile] { return s.profiles[zone] }
func (s *Service) offersOf(zone bool) catalog.Table[Offer]     { return s.offers[zone] }

// Profile is like LoadBalancer.
func (s *Service) Profile(zone bool, p stoker.ProjectID, ref string) (Profile, error) {
	return find(s, s.profilesOf(zone), p, ref)
}

// Offer is like LoadBalancer.
func (s *Service) Offer(zone bool, p stoker.ProjectID, ref string) (Offer, error) {
	return find(s, s.offersOf(zone), p, ref)
}

// Choose finds the flavor, or the zone, that a new load balancer names, and what it
// asks for. Errors: NotFound; Invalid where it is off.
func (s *Service) Choose(zone bool, p stoker.ProjectID, ref string) (Offer, Settings, error) {
	o, err := s.Offer(zone, p, ref)
	if err != nil {
		return o, Settings{}, err
	}
	if o.Down {
		return o, Settings{}, stoker.Errorf(stoker.Invalid, "The selected %s is not allowed in this deployment: %s", s.offersOf(zone).Kind, ref)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return o, s.profiles[zone].Rows[o.Profile].Settings, nil
}

// RemoveOffer forgets a flavor or a zone. Errors: Conflict while a load balancer has it.
func (s *Service) RemoveOffer(zone bool, id ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.balancers.Rows {
		if id != "" && (l.Flavor == id || l.Zone == id) {
			return inUse(s.offers[zone].Kind, id)
		}
	}
	s.version++
	delete(s.offers[zone].Rows, id)
	return nil
}

// RemoveProfile forgets a profile. Errors: Conflict while something stands for it.
func (s *Service) RemoveProfile(zone bool, id ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.offers[zone].Rows {
		if o.Profile == id {
			return inUse(s.profiles[zone].Kind, id)
		}
	}
	s.version++
	delete(s.profiles[zone].Rows, id)
	return nil
}

func inUse(kind string, id ID) error {
	return &stoker.Error{Kind: stoker.Conflict, Type: "Conflict", Message: fmt.Sprintf("%s %s is in use and cannot be modified.", kind, id)}
}

// SettingsOf are those of the flavor of a pool's load balancer.
func (s *Service) SettingsOf(pool ID) Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settingsOf(s.pools.Rows[pool])
}

// settingsOf is SettingsOf; s.mu is held.
func (s *Service) settingsOf(p Pool) Settings {
	id := p.LoadBalancer
	if id == "" {
		for _, l := range s.listenersOf(p) {
			id = l.LoadBalancer
		}
	}
	flavor := s.balancers.Rows[id].Flavor
	return s.profiles[false].Rows[s.offers[false].Rows[flavor].Profile].Settings
}
