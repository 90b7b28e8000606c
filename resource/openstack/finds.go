package openstack

import "github.com/stoker-project/stoker"

// Finds tells what the constraints of Heat's registry ask about our objects. What an
// installation has none of is not asked about: its properties are ignored or refused.
func (s server) Finds() map[string]stoker.Find {
	out := map[string]stoker.Find{}
	if s.Project != nil {
		out["keystone.project"] = func(_ stoker.ProjectID, _ stoker.TypeName, ref string) error {
			_, err := s.Project(ref)
			return err
		}
	}
	if s.own.storage.volumer != nil {
		out["cinder.volume"] = finds(s.own.storage.volumes.find)
	}
	if s.networks != nil {
		out["neutron.subnet"], out["neutron.router"] = finds(s.Subnet), finds(s.Router)
		out["neutron.port"], out["neutron.security_group"] = finds(s.Port), finds(s.Group)
		out["neutron.network"] = s.findNetwork
	}
	if s.balancer != nil {
		out["octavia.loadbalancer"], out["octavia.listener"] = finds(s.lbs.LoadBalancer), finds(s.lbs.Listener)
		out["octavia.pool"], out["octavia.l7policy"] = finds(s.lbs.Pool), finds(s.lbs.L7Policy)
		for zone, name := range map[bool]string{false: "flavor", true: "availabilityzone"} {
			out["octavia."+name] = func(p stoker.ProjectID, _ stoker.TypeName, ref string) error {
				_, err := s.lbs.Offer(zone, p, ref)
				return err
			}
			out["octavia."+name+"profile"] = func(p stoker.ProjectID, _ stoker.TypeName, ref string) error {
				_, err := s.lbs.Profile(zone, p, ref)
				return err
			}
		}
	}
	return out
}

func finds[T any](find func(stoker.ProjectID, string) (T, error)) stoker.Find {
	return func(p stoker.ProjectID, _ stoker.TypeName, ref string) error {
		_, err := find(p, ref)
		return err
	}
}

// findNetwork lets servers name networks that nobody knows: they are then on the
// driver's own. A parameter may be for one.
func (c *cloud) findNetwork(p stoker.ProjectID, by stoker.TypeName, ref string) error {
	if by == "" || by == "OS::Nova::Server" {
		return nil
	}
	_, err := c.Net(p, ref)
	return err
}
