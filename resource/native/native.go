// Package native holds Stoker's own resource types: load balancers, their
// members, and scalers. They tie an application's servers to its traffic: a member
// is made after its server and leaves before it, and a scaler changes how many
// there are.
//
// It balances nothing and decides nothing; that is done by the parts in Deps. A
// goroutine exists only while a member is awaited, and ends with that.
package native

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/census"
	"github.com/stoker-project/stoker/internal/schema"
)

// Deps is what the types need of the rest of the house.
type Deps struct {
	Balancer stoker.Balancer // LoadBalancer, PoolMember
	// Driver tells when a member's server ends before the member is up; nil: then
	// the member's timeout tells.
	Driver  stoker.Driver
	Scalers Scalers // Scaler
	// Owner gives the project of a resource: nobody else may join a load balancer.
	// nil: everybody may.
	Owner func(ctx context.Context, id stoker.ResourceID) (stoker.ProjectID, error)
	// CheckPolicy finds faults of a policy early, with a path as in templates; nil:
	// Scalers.Put finds them.
	CheckPolicy func(stoker.Policy) error
}

// Scalers runs policies.
type Scalers interface {
	// Put starts a scaler or changes a running one; harmless when repeated.
	Put(ctx context.Context, p stoker.Policy) error
	// Remove ends a scaler; nil when there is none.
	Remove(ctx context.Context, id stoker.ScalerID) error
}

// Types gives the types by their names.
func Types(d Deps) map[stoker.TypeName]stoker.ResourceType {
	if d.CheckPolicy == nil {
		d.CheckPolicy = func(stoker.Policy) error { return nil }
	}
	if d.Owner == nil {
		d.Owner = func(context.Context, stoker.ResourceID) (stoker.ProjectID, error) { return "", nil }
	}
	member := poolMember{Fixed: schema.Fix(poolMemberSchema()), balancer: d.Balancer, owner: d.Owner}
	if w, ok := d.Driver.(stoker.ServerWaiter); ok {
		member.servers, member.waiter = census.New(d.Driver), w
	}
	return map[stoker.TypeName]stoker.ResourceType{
		"Stoker::LoadBalancer": loadBalancer{schema.Fix(loadBalancerSchema()), d.Balancer},
		"Stoker::PoolMember":   member,
		"Stoker::Scaler":       scaler{schema.Fix(scalerSchema()), d},
	}
}

// inProperties puts properties in front of the path of an error that has one.
func inProperties(err error) error {
	e, ok := stoker.AsError(err)
	if !ok || e.Path == "" {
		return err
	}
	out := *e
	out.Path = "properties." + e.Path
	return &out
}
