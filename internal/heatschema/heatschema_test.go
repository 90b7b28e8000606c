package heatschema_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/heatschema"
)

func TestFacts(t *testing.T) {
	table := heatschema.Read()
	for name := range table {
		table.Facts(name) // panics where the table is broken
	}
	f := table.Facts("AWS::EC2::VPC")
	if got := fmt.Sprint(f.Missing); got != "[InstanceTenancy]" {
		t.Errorf("got %s", got)
	}
	p := table.Facts("OS::Neutron::Subnet").Schema.Properties["ip_version"]
	if p.Type != stoker.TypeInteger || p.Default != int64(4) || p.Update || len(p.Constraints) != 1 {
		t.Errorf("got %+v", p)
	}
	p.Required = true // the caller's to change
	if table.Facts("OS::Neutron::Subnet").Schema.Properties["ip_version"].Required {
		t.Error("schemas share what they hold")
	}
}

func TestDescribe(t *testing.T) {
	common := heatschema.Texts{
		"description": "Words.", "attribute:show": "All.", "name": "Its name.",
	}
	own := heatschema.Texts{
		"rules": "The rules.", "stateful": "Whether answers pass.",
		"rules[].direction": "Whence.", "rules[].ethertype": "4 or 6.", "rules[].protocol": "Which.",
		"rules[].port_range_min": "From.", "rules[].port_range_max": "To.", "rules[].remote_mode": "How.",
		"rules[].remote_group_id": "Whom.", "rules[].remote_ip_prefix": "Where.",
	}
	s := heatschema.Read().Describe("OS::Neutron::SecurityGroup", "A group.", own, common)
	rules := s.Properties["rules"].Items.Fields
	if s.Description != "A group." || rules["direction"].Description != "Whence." || rules["description"].Description != "Words." {
		t.Errorf("got %q, %q, %q", s.Description, rules["direction"].Description, rules["description"].Description)
	}
	delete(own, "stateful")
	own["colour"] = "Green."
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "colour is not there") || !strings.Contains(got, "stateful has none") {
			t.Errorf("panics with %v", got)
		}
	}()
	heatschema.Read().Describe("OS::Neutron::SecurityGroup", "A group.", own, common)
}
