package octavia

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/catalog"
)

type (
	// ID names an object.
	ID = catalog.ID
	// Object is what all objects have.
	Object = catalog.Object
)

type (
	// LoadBalancer is an address that listeners listen on.
	LoadBalancer struct {
		Object
		VIP    netip.Addr
		Subnet ID
		Port   ID // of the VIP
		Flavor ID // empty: none
		Zone   ID // empty: none
		Down   bool
	}
	// Listener is a port of a load balancer.
	Listener struct {
		Object
		LoadBalancer     ID
		Protocol         stoker.Protocol
		Port             int
		Pool             ID // the default pool; empty: the one that names the listener, if any
		Certificate, Key string
		Down             bool
	}
	// Pool is a set of members.
	Pool struct {
		Object
		LoadBalancer ID
		Listener     ID   // empty: the listeners that name the pool
		Monitors     []ID // beside the one that names the pool; the first counts
		HTTP         bool
		Algorithm    stoker.Algorithm
		Cookie       string
		Down         bool
	}
	// Member is a server in a pool.
	Member struct {
		Object
		Pool    ID
		Address string // host:port
		Weight  int    // 0: no connections
		Down    bool
	}
	// Monitor checks the members of a pool.
	Monitor struct {
		Object
		Pool   ID
		Health stoker.HealthCheck
		Down   bool
	}
)

// Service holds all objects of an installation. All methods may be called
// concurrently. What they give is the caller's.
type Service struct {
	mu        sync.Mutex
	version   uint64 // counts changes
	balancers catalog.Table[LoadBalancer]
	listeners catalog.Table[Listener]
	pools     catalog.Table[Pool]
	members   catalog.Table[Member]
	monitors  catalog.Table[Monitor]
	policies  catalog.Table[L7Policy]
	rules     catalog.Table[L7Rule]
	quotas    catalog.Table[Quota]
	profiles  map[bool]catalog.Table[Profile] // of flavors, and of availability zones
	offers    map[bool]catalog.Table[Offer]   // flavors, and availability zones
	admitted  map[ID]place                    // objects that are counted, also before they are there
}

// New makes a service without objects.
func New() *Service {
	return &Service{
		balancers: catalog.New[LoadBalancer]("loadbalancer"), listeners: catalog.New[Listener]("listener"),
		pools: catalog.New[Pool]("pool"), members: catalog.New[Member]("member"), monitors: catalog.New[Monitor]("healthmonitor"),
		policies: catalog.New[L7Policy]("l7policy"), rules: catalog.New[L7Rule]("l7rule"),
		quotas: catalog.New[Quota]("quota"), admitted: map[ID]place{},
		profiles: map[bool]catalog.Table[Profile]{false: catalog.New[Profile]("flavorprofile"), true: catalog.New[Profile]("availabilityzoneprofile")},
		offers:   map[bool]catalog.Table[Offer]{false: catalog.New[Offer]("flavor"), true: catalog.New[Offer]("availabilityzone")},
	}
}

// Version counts the changes: what was read before a change has a lower one.
func (s *Service) Version() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

func put[T catalog.Entry](s *Service, t catalog.Table[T], row T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	t.Rows[row.Head().ID] = row
}

func find[T catalog.Entry](s *Service, t catalog.Table[T], p stoker.ProjectID, ref string) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.Find(p, ref)
}

// PutLoadBalancer, and its like, make an object or change it.
func (s *Service) PutLoadBalancer(l LoadBalancer) { put(s, s.balancers, l) }

// PutMember is like PutLoadBalancer.
func (s *Service) PutMember(m Member) { put(s, s.members, m) }

// LoadBalancer, and its like, find an object that a project sees, by ID or name.
// Errors: NotFound; Conflict where several have the name.
func (s *Service) LoadBalancer(p stoker.ProjectID, ref string) (LoadBalancer, error) {
	return find(s, s.balancers, p, ref)
}

// Listener is like LoadBalancer.
func (s *Service) Listener(p stoker.ProjectID, ref string) (Listener, error) {
	return find(s, s.listeners, p, ref)
}

// Pool is like LoadBalancer.
func (s *Service) Pool(p stoker.ProjectID, ref string) (Pool, error) {
	return find(s, s.pools, p, ref)
}

// Member is like LoadBalancer.
func (s *Service) Member(p stoker.ProjectID, ref string) (Member, error) {
	return find(s, s.members, p, ref)
}

// Monitor is like LoadBalancer.
func (s *Service) Monitor(p stoker.ProjectID, ref string) (Monitor, error) {
	return find(s, s.monitors, p, ref)
}

// PutListener makes a listener, or changes it. Errors: Conflict where its load balancer
// has another one on the port.
func (s *Service) PutListener(l Listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.listeners.Rows {
		if o.ID != l.ID && o.LoadBalancer == l.LoadBalancer && o.Port == l.Port {
			return stoker.Errorf(stoker.Conflict, "Another Listener on this Load Balancer is already using protocol_port %d: %s", l.Port, o.ID)
		}
	}
	s.version++
	s.listeners.Rows[l.ID] = l
	return nil
}

// PutPool makes a pool, or changes it. Errors: Conflict where its listener has another
// pool.
func (s *Service) PutPool(p Pool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.pools.Rows {
		if o.ID != p.ID && p.Listener != "" && o.Listener == p.Listener {
			return stoker.Errorf(stoker.Conflict, "Listener %s already has a default pool: %s", p.Listener, o.ID)
		}
	}
	s.version++
	s.pools.Rows[p.ID] = p
	return nil
}

// PutMonitor makes a monitor, or changes it. Errors: Conflict where its pool has
// another one.
func (s *Service) PutMonitor(m Monitor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.monitors.Rows {
		if o.ID != m.ID && o.Pool == m.Pool && m.Pool != "" {
			return stoker.Errorf(stoker.Conflict, "This pool already has a health monitor: %s", o.ID)
		}
	}
	s.version++
	s.monitors.Rows[m.ID] = m
	return nil
}

// Remove forgets an object of any kind, but for those that RemoveOffer and RemoveProfile
// forget.
func (s *Service) Remove(id ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	delete(s.balancers.Rows, id)
	delete(s.listeners.Rows, id)
	delete(s.pools.Rows, id)
	delete(s.members.Rows, id)
	delete(s.monitors.Rows, id)
	delete(s.policies.Rows, id)
	delete(s.rules.Rows, id)
	delete(s.quotas.Rows, id)
	delete(s.admitted, id)
}

// LoadBalancers lists all of them.
func (s *Service) LoadBalancers() []LoadBalancer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.balancers.Sorted(func(LoadBalancer) bool { return true })
}

// ListenersOf lists those of a load balancer, or those that a pool has.
func (s *Service) ListenersOf(id ID) []Listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.pools.Rows[id]; ok {
		return s.listenersOf(p)
	}
	return s.listeners.Sorted(func(l Listener) bool { return l.LoadBalancer == id })
}

// PoolsOf lists those of a load balancer, in whichever way they belong to it.
func (s *Service) PoolsOf(balancer ID) []Pool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pools.Sorted(func(p Pool) bool {
		return p.LoadBalancer == balancer || slices.ContainsFunc(s.listenersOf(p), func(l Listener) bool { return l.LoadBalancer == balancer })
	})
}

// MembersOf lists those of a pool.
func (s *Service) MembersOf(pool ID) []Member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.members.Sorted(func(m Member) bool { return m.Pool == pool })
}

// MonitorOf is the monitor of a pool; false where there is none.
func (s *Service) MonitorOf(pool ID) (Monitor, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.monitorOf(pool)
}

func (s *Service) monitorOf(pool ID) (Monitor, bool) {
	for _, m := range s.monitors.Rows {
		if m.Pool == pool {
			return m, true
		}
	}
	for _, id := range s.pools.Rows[pool].Monitors {
		if m, ok := s.monitors.Rows[id]; ok {
			return m, true
		}
	}
	return Monitor{}, false
}

// listenersOf gives the listeners of a pool, by their ports; s.mu is held.
func (s *Service) listenersOf(p Pool) []Listener {
	out := s.listeners.Sorted(func(l Listener) bool { return l.Pool == p.ID || l.Pool == "" && l.ID == p.Listener })
	slices.SortStableFunc(out, func(a, b Listener) int { return cmp.Compare(a.Port, b.Port) })
	return out
}

// DefaultPool is the pool of a listener; false where it has none.
func (s *Service) DefaultPool(listener ID) (ID, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pools.Sorted(func(Pool) bool { return true }) {
		if slices.ContainsFunc(s.listenersOf(p), func(l Listener) bool { return l.ID == listener }) {
			return p.ID, true
		}
	}
	return "", false
}

// Wanted is what a balancer is to have.
type Wanted struct {
	Pools   map[stoker.PoolID]stoker.Pool
	Members map[stoker.PoolID]map[stoker.MemberID]stoker.Member
}

// PoolID names a pool to a balancer.
func PoolID(id ID) stoker.PoolID { return stoker.PoolID(id) }

// Wanted lists the pools that have listeners, on their load balancer's address and on
// the others that it has, or that policies lead to, with their members. A listener that
// has policies and no pool has one without members, which answers the rest with 503.
func (s *Service) Wanted(others func(LoadBalancer) []netip.Addr) Wanted {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := Wanted{map[stoker.PoolID]stoker.Pool{}, map[stoker.PoolID]map[stoker.MemberID]stoker.Member{}}
	for _, p := range s.pools.Rows {
		listeners := s.open(p, others)
		if len(listeners) == 0 && !s.isTarget(p.ID) || p.Down {
			continue
		}
		id := PoolID(p.ID)
		w.Pools[id] = s.pool(p, listeners)
		w.Members[id] = map[stoker.MemberID]stoker.Member{}
		for _, m := range s.members.Rows {
			if m.Pool == p.ID && m.Weight > 0 && !m.Down {
				w.Members[id][stoker.MemberID(m.ID)] = stoker.Member{ID: stoker.MemberID(m.ID), Address: m.Address, Weight: m.Weight}
			}
		}
	}
	s.addBare(w, others)
	return w
}

// addBare adds the pools without members, of listeners with policies and no pool of
// theirs that is on; s.mu is held.
func (s *Service) addBare(w Wanted, others func(LoadBalancer) []netip.Addr) {
	served := map[ID]bool{}
	for _, p := range s.pools.Rows {
		for _, l := range s.listenersOf(p) {
			served[l.ID] = served[l.ID] || !p.Down
		}
	}
	for _, l := range s.listeners.Rows {
		open := s.listen(l, others)
		if served[l.ID] || len(open) == 0 || len(open[0].Policies) == 0 {
			continue
		}
		id := PoolID(l.ID)
		w.Pools[id] = stoker.Pool{ID: id, Name: cmp.Or(l.Name, string(l.ID)), Listeners: open}
		w.Members[id] = map[stoker.MemberID]stoker.Member{}
	}
}

// open lists what a pool's listeners listen on; s.mu is held.
func (s *Service) open(p Pool, others func(LoadBalancer) []netip.Addr) []stoker.Listener {
	var out []stoker.Listener
	for _, l := range s.listenersOf(p) {
		out = append(out, s.listen(l, others)...)
	}
	return out
}

// listen lists what a listener listens on; s.mu is held.
func (s *Service) listen(l Listener, others func(LoadBalancer) []netip.Addr) []stoker.Listener {
	b, ok := s.balancers.Rows[l.LoadBalancer]
	if !ok || b.Down || l.Down {
		return nil
	}
	var policies []stoker.L7Policy
	if l.Protocol != stoker.ProtocolTCP {
		policies = s.policiesOf(l.ID)
	}
	var out []stoker.Listener
	for _, ip := range append([]netip.Addr{b.VIP}, others(b)...) {
		out = append(out, stoker.Listener{
			Protocol: l.Protocol, Address: ip.String(), Port: l.Port, Certificate: l.Certificate, Key: l.Key, Policies: policies,
		})
	}
	return out
}

func (s *Service) pool(p Pool, listeners []stoker.Listener) stoker.Pool {
	out := stoker.Pool{ID: PoolID(p.ID), Name: cmp.Or(p.Name, string(p.ID)), Listeners: listeners, Algorithm: p.Algorithm, StickyCookie: p.Cookie}
	if p.HTTP {
		asked := s.settingsOf(p)
		out.Retries, out.QueueTimeout = or(asked.Retries, 2), or(asked.QueueTimeout, queueTimeout)
	}
	if m, ok := s.monitorOf(p.ID); ok && !m.Down {
		out.Health = m.Health
	}
	return out
}

func or[T any](p *T, otherwise T) T {
	if p != nil {
		return *p
	}
	return otherwise
}
