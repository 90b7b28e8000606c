package openstack

import (
	"fmt"
	"net/netip"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/value"
)

// networked is embedded by the types of Neutron.
type networked struct {
	schema.Fixed
	*cloud
}

// Refuse says that the driver has no networks.
func (n networked) Refuse(t stoker.TypeName) error {
	if n.networks != nil {
		return nil
	}
	return &stoker.Error{Kind: stoker.Invalid, Type: "ResourceTypeUnavailable",
		Message: fmt.Sprintf("no driver for this type is configured: %s needs one that makes networks", t),
		Hint:    "Start Stoker with --driver docker, or map the type to OS::Heat::None or to a template of your own in the environment's resource_registry."}
}

// object is what all objects have, of a resource.
func object(req *stoker.Request) neutron.Object {
	return neutron.Object{ID: idOf(req), Name: nameOf(req), Project: req.Stack.Project}
}

func idOf(req *stoker.Request) neutron.ID { return neutron.ID(req.ID) }

func physical(o neutron.Object) stoker.PhysicalID { return stoker.PhysicalID(o.ID) }

// ref reads a property that names another object, or the older property of the same
// meaning.
func ref(v request.Values, names ...string) string {
	for _, name := range names {
		if s := v.String(name); s != "" {
			return s
		}
	}
	return ""
}

// required is an error where a property has no value, by none of its names.
func required(v request.Values, names ...string) (string, error) {
	s := ref(v, names...)
	if s == "" {
		return "", &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Path: "properties." + names[0],
			Message: fmt.Sprintf("Property %s not assigned", names[0])}
	}
	return s, nil
}

// in gives an error about an object the place of the property that names it.
func in(property string, err error) error {
	e, ok := stoker.AsError(err)
	if !ok {
		return err
	}
	out := *e
	out.Path = "properties." + property
	if out.Kind == stoker.NotFound {
		out.Kind = stoker.Invalid
	}
	return &out
}

// address reads an address; one that is not there is not valid.
func address(v request.Values, name string) (netip.Addr, error) {
	text := v.String(name)
	if text == "" {
		return netip.Addr{}, nil
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return ip, refused(name, fmt.Sprintf("%q is no IP address", text), "")
	}
	return ip, nil
}

// addressText is the opposite; nil where there is none.
func addressText(ip netip.Addr) any {
	if !ip.IsValid() {
		return nil
	}
	return ip.String()
}

func texts[T ~string](list []T) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

// orNil is for what Neutron shows as null.
func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// attributes finds an attribute in what is shown of an object.
func attributes(req *stoker.Request, shown map[string]any, name string) (any, int, error) {
	if name == "show" {
		return shown, 0, nil
	}
	if v, ok := shown[name]; ok {
		return v, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

// common adds what Neutron shows of every object.
func common(o neutron.Object, req *stoker.Request, own map[string]any) map[string]any {
	own["id"], own["name"] = string(o.ID), o.Name
	own["tenant_id"], own["project_id"] = string(o.Project), string(o.Project)
	own["description"] = request.Values(req.Properties).String("description")
	tags, _ := value.Clone(req.Properties["tags"]).([]any)
	own["tags"] = append([]any{}, tags...)
	return own
}
