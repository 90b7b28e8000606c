// Package openstack holds resource types of OpenStack's clouds that run on any
// driver: OS::Nova::Server. A template written for Nova and Neutron works without
// a cloud: what has no meaning for a driver without networks and volumes is
// accepted and ignored where that is harmless, and refused where it is not.
//
// It makes servers through stoker.Driver only. Who awaits or watches a server is
// a goroutine of the engine; the types themselves start one only while Await runs,
// and end it.
package openstack

import (
	"log/slog"
	"maps"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/census"
	"github.com/stoker-project/stoker/internal/heatschema"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/softwareconfig"
)

// Deps is what the types need of the rest of the house.
type Deps struct {
	Driver stoker.Driver
	// Flavors finds a flavor by name; Invalid or NotFound if there is none. nil:
	// every flavor exists and has no limits.
	Flavors func(name string) (stoker.Flavor, error)
	// Data finds the software configurations that user_data may name. nil: there
	// are none.
	Data softwareconfig.Data
	// Grace is how long a server may take to end by itself when it is deleted;
	// 0: 10s.
	Grace time.Duration
	// Balancer publishes floating addresses; nil: nothing does.
	Balancer stoker.Balancer
	// External is the network that floating addresses come from.
	External neutron.External
	// Project finds a project by its ID or name; NotFound if there is none. nil: every
	// project exists, and its name is its ID.
	Project func(ref string) (stoker.ProjectID, error)
	// Logger gets what cannot be told to anybody who waits for it; nil: silence.
	Logger *slog.Logger
	// Keys are public keys of SSH by name that all projects' servers can have. Where
	// there are any, a key_name that is no key's is refused; otherwise it is ignored.
	Keys map[string]string
}

const defaultGrace = 10 * time.Second

// Types gives the types by their names.
func Types(d Deps) map[stoker.TypeName]stoker.ResourceType {
	if d.Grace == 0 {
		d.Grace = defaultGrace
	}
	if d.Flavors == nil {
		d.Flavors = func(name string) (stoker.Flavor, error) { return stoker.Flavor{Name: name}, nil }
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	c, own, found, table := newCloud(d), newBelongings(d), census.New(d.Driver), heatschema.Read()
	out := neutronTypes(c, table)
	maps.Copy(out, octaviaTypes(c, table))
	maps.Copy(out, own.types(table, found))
	out["OS::Nova::Server"] = server{Fixed: schema.Fix(serverSchema()), Deps: d, cloud: c, own: own, census: found, adopted: newOnce()}
	maps.Copy(out, oldTypes(c, table, d.Driver))
	return out
}

// oldTypes are those of the first LBaaS.
func oldTypes(c *cloud, t heatschema.Table, d stoker.Driver) map[stoker.TypeName]stoker.ResourceType {
	of := func(s *stoker.Schema) balancing { return balancing{Fixed: schema.Fix(s), cloud: c} }
	return map[stoker.TypeName]stoker.ResourceType{
		"OS::Neutron::Pool":          oldPool{of(oldPoolSchema())},
		"OS::Neutron::PoolMember":    lbMember{of(oldMemberSchema())},
		"OS::Neutron::HealthMonitor": healthMonitor{of(oldMonitorSchema(t))},
		"OS::Neutron::LoadBalancer":  oldBalancer{of(oldBalancerSchema()), census.New(d)},
	}
}

// neutronTypes are those of networks.
func neutronTypes(c *cloud, t heatschema.Table) map[stoker.TypeName]stoker.ResourceType {
	of := func(s *stoker.Schema) networked { return networked{Fixed: schema.Fix(s), cloud: c} }
	return map[stoker.TypeName]stoker.ResourceType{
		"OS::Neutron::Net":                   network{of(netSchema(t))},
		"OS::Neutron::Subnet":                subnet{of(subnetSchema(t))},
		"OS::Neutron::Router":                router{of(routerSchema(t))},
		"OS::Neutron::RouterInterface":       routerInterface{of(routerInterfaceSchema(t))},
		"OS::Neutron::RouterGateway":         routerGateway{of(routerGatewaySchema())},
		"OS::Neutron::Port":                  port{of(portSchema(t))},
		"OS::Neutron::SecurityGroup":         securityGroup{of(securityGroupSchema(t))},
		"OS::Neutron::SecurityGroupRule":     securityGroupRule{of(securityGroupRuleSchema(t))},
		"OS::Neutron::FloatingIP":            floatingIP{of(floatingIPSchema(t))},
		"OS::Neutron::FloatingIPAssociation": floatingIPAssociation{of(floatingIPAssociationSchema(t))},
	}
}

// octaviaTypes are those of load balancers, and the same under their older names.
func octaviaTypes(c *cloud, t heatschema.Table) map[stoker.TypeName]stoker.ResourceType {
	of := func(s *stoker.Schema) balancing { return balancing{Fixed: schema.Fix(s), cloud: c} }
	out := map[stoker.TypeName]stoker.ResourceType{
		"OS::Octavia::Flavor":                  lbOffer{of(octaviaFlavorSchema(t)), false},
		"OS::Octavia::FlavorProfile":           lbProfile{of(octaviaFlavorProfileSchema(t)), false},
		"OS::Octavia::AvailabilityZone":        lbOffer{of(octaviaZoneSchema(t)), true},
		"OS::Octavia::AvailabilityZoneProfile": lbProfile{of(octaviaZoneProfileSchema(t)), true},
		"OS::Octavia::Quota":                   lbQuota{of(octaviaQuotaSchema(t))},
	}
	for _, names := range []struct {
		family string
		hidden bool
	}{{"OS::Octavia::", false}, {"OS::Neutron::LBaaS::", true}} {
		as := func(s *stoker.Schema) balancing {
			s.Hidden = names.hidden
			return of(s)
		}
		for name, impl := range map[string]stoker.ResourceType{
			"LoadBalancer":  loadBalancer{as(octaviaLoadBalancerSchema(t))},
			"Listener":      listener{as(octaviaListenerSchema(t))},
			"Pool":          lbPool{as(octaviaPoolSchema(t))},
			"PoolMember":    lbMember{as(octaviaMemberSchema(t))},
			"HealthMonitor": healthMonitor{as(octaviaMonitorSchema(t))},
			"L7Policy":      l7Policy{as(octaviaPolicySchema(t))},
			"L7Rule":        l7Rule{as(octaviaRuleSchema(t))},
		} {
			out[stoker.TypeName(names.family+name)] = impl
		}
	}
	return out
}
