// Package typepolicy says who may have resources of which types. It is a table, and
// enforces nothing: the engine does.
package typepolicy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
)

// Rule says who may have a type.
type Rule string

// The rules.
const (
	Everybody Rule = "everybody"
	Admin     Rule = "admin" // administrators
	Nobody    Rule = "nobody"
)

// Table gives rules by types. A type that ends in ::* stands for all that begin like it;
// what is in no row is for everybody.
type Table map[stoker.TypeName]Rule

// Default is Heat's policy of resource types (heat/policies/resource_types.py).
func Default() Table {
	out := Table{}
	for _, t := range []stoker.TypeName{
		"OS::Blazar::Host",
		"OS::Cinder::EncryptedVolumeType", "OS::Cinder::QoSAssociation", "OS::Cinder::QoSSpecs", "OS::Cinder::Quota", "OS::Cinder::VolumeType",
		"OS::Keystone::*",
		"OS::Manila::ShareType",
		"OS::Neutron::ProviderNet", "OS::Neutron::QoSBandwidthLimitRule", "OS::Neutron::QoSDscpMarkingRule",
		"OS::Neutron::QoSMinimumBandwidthRule", "OS::Neutron::QoSMinimumPacketRateRule", "OS::Neutron::QoSPolicy",
		"OS::Neutron::Quota", "OS::Neutron::Segment",
		"OS::Nova::Flavor", "OS::Nova::HostAggregate", "OS::Nova::Quota",
		"OS::Octavia::AvailabilityZone", "OS::Octavia::AvailabilityZoneProfile", // Heat forgot these two
		"OS::Octavia::Flavor", "OS::Octavia::FlavorProfile", "OS::Octavia::Quota",
	} {
		out[t] = Admin
	}
	return out
}

// With gives a table in which some rows are others.
func (t Table) With(rows map[stoker.TypeName]Rule) Table {
	out := maps.Clone(t)
	maps.Copy(out, rows)
	return out
}

// Check refuses rows that mean nothing. Errors: Invalid.
func (t Table) Check() error {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if before, after, star := strings.Cut(string(name), "*"); star && (after != "" || !strings.HasSuffix(before, "::")) {
			return &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("%q is no type of resources, and not the beginning of some", name), Hint: "Write it like OS::Nova::Flavor or OS::Keystone::*."}
		}
		switch t[name] {
		case Everybody, Admin, Nobody:
		default:
			return &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("%s: there is no rule %q", name, t[name]), Hint: "Write everybody, admin or nobody."}
		}
	}
	return nil
}

// Allow tells whether somebody may have resources of a type: the type's own row counts,
// else that of the longest beginning. Forbidden, in Heat's words, if not.
func (t Table) Allow(name stoker.TypeName, admin bool) error {
	switch t.rule(name) {
	case Nobody:
	case Admin:
		if admin {
			return nil
		}
	default:
		return nil
	}
	return &stoker.Error{Kind: stoker.Forbidden, Type: "Forbidden", Message: fmt.Sprintf("You are not authorized to use resource_types:%s.", name)}
}

func (t Table) rule(name stoker.TypeName) Rule {
	if r, ok := t[name]; ok {
		return r
	}
	for at := string(name); ; {
		i := strings.LastIndex(at, "::")
		if i < 0 {
			return Everybody
		}
		at = at[:i]
		if r, ok := t[stoker.TypeName(at+"::*")]; ok {
			return r
		}
	}
}
