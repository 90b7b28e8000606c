package openstack

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/census"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/softwareconfig"
)

// server is OS::Nova::Server.
type server struct {
	schema.Fixed
	Deps
	*cloud
	own     belongings
	census  *census.Census
	adopted *once
}

var (
	_ stoker.Updater    = server{}
	_ stoker.Awaiter    = server{}
	_ stoker.Checker    = server{}
	_ stoker.Watcher    = server{}
	_ stoker.Sleeper    = server{}
	_ stoker.Attributer = server{}
	_ stoker.Validator  = server{}
	_ stoker.Resumer    = server{}

	_ stoker.Snapshotter = server{}
)

func (s server) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	spec, err := s.spec(req)
	if err != nil {
		return stoker.Result{}, err
	}
	if spec.UserData, err = softwareconfig.Text(ctx, s.Data, req, spec.UserData); err != nil {
		return stoker.Result{}, err
	}
	ports, err := s.seat(ctx, req)
	if err != nil {
		return stoker.Result{}, err
	}
	spec.Ports = s.serverPorts(ports)
	made, err := s.Driver.Create(ctx, spec)
	if err != nil {
		return stoker.Result{}, fmt.Errorf("create server %s: %w", spec.Name, err)
	}
	volumes, err := s.own.storage.attachMapped(ctx, req, made.ID)
	if err != nil {
		return stoker.Result{}, err
	}
	res := stoker.Result{PhysicalID: made.ID, Data: withPorts(withVolumes(dataOf(s.own.annotate(req, made)), volumes), portsData(ports))}
	return res, s.seated(ctx, spec.Token, spec.Ports)
}

// seated lets the cloud know of a server's ports, and publishes their floating
// addresses.
func (s server) seated(ctx context.Context, t stoker.ServerToken, ports []stoker.ServerPort) error {
	if len(ports) == 0 {
		return nil
	}
	if err := s.filtered(ctx, t, ports); err != nil {
		return err
	}
	var floating []neutron.ID
	for _, p := range s.PortsOf(t) {
		for _, f := range s.OfPort(p.ID) {
			floating = append(floating, f.ID)
		}
	}
	mine := only("floating", floating...)
	return s.settle(ctx, func(about subject) bool { return mine(about) || about == subject{"filter", string(t)} })
}

func (s server) Delete(ctx context.Context, req *stoker.Request) error {
	if err := s.Driver.Destroy(ctx, token(req), s.Grace); err != nil {
		return fmt.Errorf("delete server %s: %w", nameOf(req), err)
	}
	if err := s.own.drop(ctx, req); err != nil {
		return err
	}
	return s.release(ctx, req)
}

// token is the driver's name for the server: the one of this incarnation of the
// resource.
func token(req *stoker.Request) stoker.ServerToken { return stoker.ServerToken(req.ID) }

func nameOf(req *stoker.Request) string {
	if name := request.Values(req.Properties).String("name"); name != "" {
		return name
	}
	return request.Name(req)
}

// spec says what the driver is to make.
func (s server) spec(req *stoker.Request) (stoker.ServerSpec, error) {
	v := request.Values(req.Properties)
	if v.String("image") == "" {
		return stoker.ServerSpec{}, refused("image", "no image is named", "Name an image that the driver knows.")
	}
	flavor, err := s.flavor(v)
	if err != nil {
		return stoker.ServerSpec{}, err
	}
	metadata, err := metadataOf(v)
	if err != nil {
		return stoker.ServerSpec{}, err
	}
	keys, _, err := s.own.keys.named(req.Stack.Project, v.String("key_name"))
	if err != nil {
		return stoker.ServerSpec{}, err
	}
	return stoker.ServerSpec{
		Keys:     keys,
		Token:    token(req),
		Name:     nameOf(req),
		Project:  req.Stack.Project,
		Path:     slices.Clone(req.Stack.Path),
		Image:    v.String("image"),
		Flavor:   flavor,
		Metadata: metadata,
		UserData: v.String("user_data"),

		AwaitUserData: waitsForUserData(v),
	}, nil
}

// flavor looks a flavor up; none given is one without limits.
func (s server) flavor(v request.Values) (stoker.Flavor, error) {
	name := v.String("flavor")
	if name == "" {
		return stoker.Flavor{}, nil
	}
	f, err := s.Flavors(name)
	if err == nil {
		return f, nil
	}
	out := stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("there is no flavor %q", name), Err: err}
	if e, ok := stoker.AsError(err); ok {
		out = *e
		out.Kind = stoker.Invalid
	}
	out.Type, out.Path = "StackValidationFailed", "properties.flavor"
	return stoker.Flavor{}, &out
}

// metadataOf writes values that are no strings as JSON, as Heat does for Nova.
func metadataOf(v request.Values) (map[string]string, error) {
	m := v.Map("metadata")
	out := make(map[string]string, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if text, ok := m[k].(string); ok {
			out[k] = text
			continue
		}
		text, err := json.Marshal(m[k])
		if err != nil {
			return nil, &stoker.Error{Kind: stoker.Invalid, Path: "properties.metadata." + k, Message: "the value has no JSON form", Err: err}
		}
		out[k] = string(text)
	}
	return out, nil
}

// Validate checks what can be known before a server is made.
func (s server) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	if err := s.own.storage.checkMappings(v); err != nil {
		return err
	}
	if len(v.Map("personality")) > 0 {
		return refused("personality", "files cannot be put into servers here", "Write them from user_data, or put them into the image.")
	}
	if v.String("user_data_format") == "SOFTWARE_CONFIG" {
		return refused("user_data_format", "SOFTWARE_CONFIG is not offered here", "Use RAW, with the script as user_data.")
	}
	if err := checkWait(v); err != nil {
		return err
	}
	_, err := s.flavor(v)
	return err
}

func refused(property, what, hint string) error {
	return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed",
		Path: "properties." + property, Message: what, Hint: hint}
}
