package hot_test

import (
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

func TestLookUpProperties(t *testing.T) {
	net := &stoker.Property{Type: stoker.TypeString, Constraints: []stoker.Constraint{{Custom: "neutron.network"}}}
	schema := map[string]*stoker.Property{
		"network": net,
		"address": {Type: stoker.TypeString, Constraints: []stoker.Constraint{{Custom: "ip_addr"}}},
		"told":    {Type: stoker.TypeString, Constraints: []stoker.Constraint{{Custom: "neutron.network", Description: "Use ours."}}},
		"list":    {Type: stoker.TypeList, Items: &stoker.Property{Type: stoker.TypeMap, Fields: map[string]*stoker.Property{"network": net}}},
		"free":    {Type: stoker.TypeMap},
	}
	ask := func(constraint, value string) error {
		if constraint != "neutron.network" {
			t.Errorf("asked about %s", constraint)
		}
		if value == "nope" {
			return &stoker.Error{Kind: stoker.NotFound, Message: "The network (nope) could not be found.", Hint: "Look."}
		}
		return nil
	}
	for _, c := range []struct {
		props map[string]any
		want  string
	}{
		{map[string]any{"network": "here", "address": "nope", "free": map[string]any{"network": "nope"}, "other": "nope"}, ""},
		{map[string]any{"network": ""}, ""},
		{map[string]any{"network": "nope"}, "Property error: p.network: Error validating value 'nope': The network (nope) could not be found."},
		{map[string]any{"told": "nope"}, "Property error: p.told: Use ours."},
		{map[string]any{"list": []any{map[string]any{"network": "here"}, map[string]any{"network": "nope"}}}, "Property error: p.list[1].network: Error"},
	} {
		err := hot.LookUpProperties(schema, c.props, "p", ask)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%v: %v", c.props, err)
		case c.want != "" && (!stoker.IsKind(err, stoker.Invalid) || !strings.HasPrefix(err.Error(), c.want)):
			t.Errorf("%v: got %v, want %s", c.props, err, c.want)
		}
	}
}

func TestLookUpParameters(t *testing.T) {
	tmpl, err := hot.Parse([]byte(`
heat_template_version: 2021-04-16
parameters:
  net: {type: string, default: nope, constraints: [{custom_constraint: neutron.network}]}
  hush: {type: string, hidden: true, default: x, constraints: [{custom_constraint: neutron.network}]}
`), "")
	if err != nil {
		t.Fatal(err)
	}
	ask := func(_, value string) error {
		if strings.HasPrefix(value, "no") {
			return stoker.Errorf(stoker.NotFound, "The network (%s) could not be found.", value)
		}
		return nil
	}
	for _, c := range []struct {
		given   map[string]any
		unknown []string
		want    string
	}{
		{nil, nil, ""}, // defaults are not asked about
		{map[string]any{"net": "here"}, nil, ""},
		{map[string]any{"net": "no"}, []string{"net"}, ""},
		{map[string]any{"net": "no"}, nil, "Parameter 'net' is invalid: Error validating value 'no': The network (no) could not be found."},
		{map[string]any{"hush": "nosecret"}, nil, "Parameter 'hush' is invalid: Error validating value '******': The network (******) could not be found."},
	} {
		b, err := tmpl.Bind(c.given, nil, hot.Pseudo{})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := b.LookUp(c.unknown, ask); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v: got %q, want %q", c.given, got, c.want)
		}
	}
}
