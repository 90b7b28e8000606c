package octavia

import (
	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/catalog"
)

// Counted names a kind of objects that a quota bounds, as the quota's properties do.
type Counted string

// The kinds.
const (
	LoadBalancers Counted = "loadbalancer"
	Listeners     Counted = "listener"
	Pools         Counted = "pool"
	Members       Counted = "member"
	Monitors      Counted = "healthmonitor"
)

// CountedKinds lists them by name.
func CountedKinds() []Counted {
	return []Counted{Monitors, Listeners, LoadBalancers, Members, Pools}
}

var words = map[Counted]string{LoadBalancers: "Load Balancer", Listeners: "Listener", Pools: "Pool", Members: "Member", Monitors: "Health Monitor"}

// Quota bounds how many objects a project may have. Those that it has stay.
type Quota struct {
	Object
	Of   stoker.ProjectID
	Most map[Counted]int // what is not there, or negative, has no bound
}

// PutQuota is like PutLoadBalancer. Of several quotas of a project the smallest counts.
func (s *Service) PutQuota(q Quota) { put(s, s.quotas, q) }

// place is where an object is counted that is being made.
type place struct {
	kind    Counted
	project stoker.ProjectID
}

// Admit counts an object that is to be made, until Remove; asking twice is harmless.
// Errors: Forbidden, in Octavia's words, where its project has as many as it may have.
func (s *Service) Admit(kind Counted, o Object) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := place{kind, o.Project}
	rows := s.rowsOf(kind)
	if _, ok := s.admitted[o.ID]; ok || rows.has(o.ID) {
		return nil
	}
	if most, ok := s.most(at); ok && s.count(rows, at) >= most {
		return &stoker.Error{Kind: stoker.Forbidden, Type: "Forbidden", Message: "Quota has been met for resources: " + words[kind]}
	}
	s.admitted[o.ID] = at
	return nil
}

// most is how many objects there may be; false: any number. s.mu is held.
func (s *Service) most(at place) (int, bool) {
	most := -1
	for _, q := range s.quotas.Rows {
		if n, ok := q.Most[at.kind]; ok && q.Of == at.project && n >= 0 && (most < 0 || n < most) {
			most = n
		}
	}
	return most, most >= 0
}

// count is how many objects a project has, those that are being made too; s.mu is held.
func (s *Service) count(rows counted, at place) int {
	n := rows.of(at.project)
	for id, a := range s.admitted {
		if a == at && !rows.has(id) {
			n++
		}
	}
	return n
}

// counted is a table of any kind of objects.
type counted struct {
	has func(ID) bool
	of  func(stoker.ProjectID) int
}

func (s *Service) rowsOf(kind Counted) counted {
	switch kind {
	case LoadBalancers:
		return countable(s.balancers)
	case Listeners:
		return countable(s.listeners)
	case Pools:
		return countable(s.pools)
	case Members:
		return countable(s.members)
	}
	return countable(s.monitors)
}

func countable[T catalog.Entry](t catalog.Table[T]) counted {
	return counted{
		has: func(id ID) bool { _, ok := t.Rows[id]; return ok },
		of: func(p stoker.ProjectID) int {
			n := 0
			for _, row := range t.Rows {
				if row.Head().Project == p {
					n++
				}
			}
			return n
		},
	}
}
