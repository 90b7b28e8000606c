package openstack

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/octavia"
	"github.com/stoker-project/stoker/internal/request"
)

// lbProfile is OS::Octavia::FlavorProfile, or with zone AvailabilityZoneProfile: what
// flavors and zones of load balancers stand for.
type lbProfile struct {
	balancing
	zone bool
}

var (
	_ stoker.Updater    = lbProfile{}
	_ stoker.Resumer    = lbProfile{}
	_ stoker.Validator  = lbProfile{}
	_ stoker.Attributer = lbProfile{}
	_ stoker.Refuser    = lbProfile{}
)

func (p lbProfile) data() string {
	return map[bool]string{false: "flavor_data", true: "availability_zone_data"}[p.zone]
}

func (p lbProfile) read(req *stoker.Request) (octavia.Profile, error) {
	v := request.Values(req.Properties)
	made, property, err := octavia.MakeProfile(object(req), p.zone, v.String("provider_name"), v.String(p.data()))
	return made, in(property, err)
}

func (p lbProfile) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	made, err := p.read(req)
	if err != nil {
		return stoker.Result{}, err
	}
	p.lbs.PutProfile(made)
	return stoker.Result{PhysicalID: physical(made.Object)}, p.settle(ctx, nothing)
}

// Update changes what all load balancers of the flavor are asked.
func (p lbProfile) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	_, err := p.Create(ctx, req)
	return stoker.Result{}, err
}

func (p lbProfile) Resume(_ context.Context, req *stoker.Request) error {
	made, err := p.read(req)
	if err != nil {
		return err
	}
	p.lbs.PutProfile(made)
	return nil
}

func (p lbProfile) Delete(_ context.Context, req *stoker.Request) error {
	return p.lbs.RemoveProfile(p.zone, idOf(req))
}

func (p lbProfile) Validate(req *stoker.Request) error {
	if !request.Values(req.Properties).Has(p.data()) {
		return nil // not known yet
	}
	_, err := p.read(req)
	return err
}

func (p lbProfile) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := p.lbs.Profile(p.zone, req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	return attributes(req, map[string]any{
		"id": string(made.ID), "name": made.Name, "provider_name": made.Provider, p.data(): made.Data,
	}, name)
}

// lbOffer is OS::Octavia::Flavor, or with zone AvailabilityZone: what load balancers can
// name.
type lbOffer struct {
	balancing
	zone bool
}

var (
	_ stoker.Updater    = lbOffer{}
	_ stoker.Resumer    = lbOffer{}
	_ stoker.Attributer = lbOffer{}
	_ stoker.Refuser    = lbOffer{}
)

func (o lbOffer) profile() string {
	return map[bool]string{false: "flavor_profile", true: "availability_zone_profile"}[o.zone]
}

func (o lbOffer) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	name, err := required(req.Properties, o.profile())
	if err != nil {
		return stoker.Result{}, err
	}
	p, err := o.lbs.Profile(o.zone, req.Stack.Project, name)
	if err != nil {
		return stoker.Result{}, in(o.profile(), err)
	}
	o.put(req, p.ID)
	return stoker.Result{PhysicalID: stoker.PhysicalID(req.ID), Data: map[string]any{"profile": string(p.ID)}}, nil
}

func (o lbOffer) put(req *stoker.Request, profile octavia.ID) {
	v := request.Values(req.Properties)
	o.lbs.PutOffer(octavia.Offer{Object: object(req), Zone: o.zone, Profile: profile, Down: v.Has("enabled") && !v.Bool("enabled")})
}

func (o lbOffer) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return stoker.Result{}, o.Resume(ctx, req)
}

func (o lbOffer) Resume(_ context.Context, req *stoker.Request) error {
	o.put(req, octavia.ID(request.Values(req.Data).String("profile")))
	return nil
}

func (o lbOffer) Delete(_ context.Context, req *stoker.Request) error {
	return o.lbs.RemoveOffer(o.zone, idOf(req))
}

func (o lbOffer) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := o.lbs.Offer(o.zone, req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	return attributes(req, map[string]any{
		"id": string(made.ID), "name": made.Name, "enabled": !made.Down, o.profile() + "_id": string(made.Profile),
		"description": request.Values(req.Properties).String("description"),
	}, name)
}
