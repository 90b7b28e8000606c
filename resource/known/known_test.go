package known_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/schematest"
	"github.com/stoker-project/stoker/resource/known"
)

var _ = flag.Bool("update", false, "write the list of known types into the documentation")

func TestLikeHeat(t *testing.T) {
	schematest.LikeHeat(t, known.Types(), "../../../shared/reference/resource-schemas.json", map[string]string{
		"OS::Neutron::NetworkGateway.connections default": "an empty map there, which is no list",
	})
}

func check(impl stoker.ResourceType, props map[string]any, unknown ...string) error {
	checked, err := hot.CheckProperties(impl.Schema().Properties, props, unknown, "resources.it.properties")
	if err != nil {
		return err
	}
	return impl.(stoker.Validator).Validate(&stoker.Request{Name: "it", Properties: checked})
}

// TestEveryTypeValidates looks at each default and pattern by using it.
func TestEveryTypeValidates(t *testing.T) {
	all := known.Types()
	if len(all) != 165 {
		t.Errorf("got %d types, Heat has 165", len(all))
	}
	for name, impl := range all {
		s := impl.Schema()
		if s != impl.Schema() {
			t.Errorf("%s: the schema is made anew each time it is asked for", name)
		}
		var required []string
		for p, d := range s.Properties {
			if d.Required {
				required = append(required, p)
			}
			patterns(t, string(name)+"."+p, d)
		}
		if err := check(impl, nil, required...); err != nil {
			t.Errorf("%s with nothing but what is required: %v", name, err)
		}
		if err := check(impl, map[string]any{"nonsense": true}, required...); err == nil {
			t.Errorf("%s accepts a property it does not have", name)
		}
	}
}

func patterns(t *testing.T, at string, p *stoker.Property) {
	for _, c := range p.Constraints {
		if _, err := regexp.Compile(c.Pattern); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
	for name, f := range p.Fields {
		patterns(t, at+"."+name, f)
	}
	if p.Items != nil {
		patterns(t, at+"[]", p.Items)
	}
}

func TestNothingIsMade(t *testing.T) {
	for name, impl := range known.Types() {
		req := &stoker.Request{Name: "it", ID: "id", Type: name}
		_, err := impl.Create(t.Context(), req)
		if !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), "no driver for this type is configured: "+string(name)) {
			t.Errorf("%s: create: got %v, want that there is no driver", name, err)
		}
		if err := impl.Delete(t.Context(), req); err != nil {
			t.Errorf("%s: delete: %v", name, err)
		}
		for _, attr := range slices.Sorted(maps.Keys(impl.Schema().Attributes)) {
			if v, _, err := impl.(stoker.Attributer).Attribute(t.Context(), req, attr, nil); v != nil || err != nil {
				t.Errorf("%s: attribute %s: got %v, %v, want null", name, attr, v, err)
			}
		}
		if _, _, err := impl.(stoker.Attributer).Attribute(t.Context(), req, "nonsense", nil); err == nil {
			t.Errorf("%s has an attribute nonsense", name)
		}
	}
}

func TestSchemasBind(t *testing.T) {
	all := known.Types()
	for _, tt := range []struct {
		name  stoker.TypeName
		props map[string]any
		want  string // "": no error
	}{
		{"OS::Neutron::Subnet", map[string]any{"network": "n", "cidr": "10.0.0.0/24", "ip_version": "4"}, ""},
		{"OS::Neutron::Subnet", map[string]any{"network": "n", "cidr": "10.0.0.0/24", "ip_version": int64(5)}, "ip_version"},
		{"OS::Neutron::Subnet", map[string]any{"network": "n", "cidr": "ten"}, "Invalid net cidr"},
		{"OS::Neutron::Port", map[string]any{"network": "n", "fixed_ips": []any{map[string]any{"ip": "x"}}}, "Unknown Property ip"},
		{"OS::Octavia::PoolMember", map[string]any{"pool": "p", "address": "10.0.0.1"}, "Property protocol_port not assigned"},
		{"OS::Cinder::Volume", map[string]any{"size": int64(0)}, "size"},
		{"AWS::EC2::Volume", map[string]any{"AvailabilityZone": "a", "Size": "3"}, ""},
		{"AWS::EC2::VPC", map[string]any{"CidrBlock": "10.0.0.0/16", "InstanceTenancy": "dedicated"}, "not implemented yet"},
	} {
		err := check(all[tt.name], tt.props)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s %v: got %v, want %q", tt.name, tt.props, err, tt.want)
		}
	}
}

// TestDocumented checks that the page of types lists those that it does not
// describe, because they are known only.
func TestDocumented(t *testing.T) {
	const page, begin = "../../docs/resource-types.md", "<!-- known -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var list strings.Builder
	for _, name := range slices.Sorted(maps.Keys(known.Types())) {
		if !strings.Contains(string(text), "\n## "+string(name)+"\n") {
			fmt.Fprintf(&list, "- `%s`\n", name)
		}
	}
	head, rest, ok := strings.Cut(string(text), begin)
	old, tail, ended := strings.Cut(rest, "<!-- end -->")
	if !ok || !ended {
		t.Fatalf("%s has no list between %q and an end", page, begin)
	}
	if old == list.String() {
		return
	}
	if f := flag.Lookup("update"); f == nil || f.Value.String() != "true" {
		t.Fatalf("%s does not list the known types as they are; go test -run Documented -update writes it", page)
	}
	if err := os.WriteFile(page, []byte(head+begin+list.String()+"<!-- end -->"+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
