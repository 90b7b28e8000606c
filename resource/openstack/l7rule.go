package openstack

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/octavia"
	"github.com/stoker-project/stoker/internal/poolspec"
	"github.com/stoker-project/stoker/internal/request"
)

// l7Rule is OS::Octavia::L7Rule: a question about a request, for a policy.
type l7Rule struct{ balancing }

var (
	_ stoker.Updater    = l7Rule{}
	_ stoker.Resumer    = l7Rule{}
	_ stoker.Validator  = l7Rule{}
	_ stoker.Attributer = l7Rule{}
	_ stoker.Refuser    = l7Rule{}
)

func (r l7Rule) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	name, err := required(req.Properties, "l7policy")
	if err != nil {
		return stoker.Result{}, err
	}
	p, err := r.lbs.L7Policy(req.Stack.Project, name)
	if err != nil {
		return stoker.Result{}, in("l7policy", err)
	}
	made := l7RuleOf(req, p.ID)
	if err := whole(made); err != nil {
		return stoker.Result{}, err
	}
	r.lbs.PutL7Rule(made)
	return stoker.Result{PhysicalID: physical(made.Object), Data: map[string]any{"l7policy": string(p.ID)}}, r.settle(ctx, r.ofPolicy(req, p.ID))
}

// ofPolicy chooses what concerns a policy.
func (c *cloud) ofPolicy(req *stoker.Request, policy octavia.ID) func(subject) bool {
	p, err := c.lbs.L7Policy(req.Stack.Project, string(policy))
	if err != nil {
		return nothing
	}
	return c.ofListener(p.Listener)
}

func l7RuleOf(req *stoker.Request, policy octavia.ID) octavia.L7Rule {
	v := request.Values(req.Properties)
	return octavia.L7Rule{Object: object(req), Policy: policy, Down: down(v), Rule: octavia.MakeL7Rule(
		v.String("type"), v.String("compare_type"), v.String("key"), v.String("value"), v.Bool("invert"))}
}

// Validate says what no balancer can hold requests against.
func (l7Rule) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	made := l7RuleOf(req, "").Rule
	if !v.Has("type") || !v.Has("compare_type") || !v.Has("value") || keyed(made) && !v.Has("key") {
		return nil // or not known yet
	}
	return in("value", poolspec.L7Rule(made))
}

func keyed(r stoker.L7Rule) bool { return r.Type == stoker.L7Header || r.Type == stoker.L7Cookie }

// whole says in Heat's words that the key is missing.
func whole(r octavia.L7Rule) error {
	if keyed(r.Rule) && r.Rule.Key == "" {
		return unfit("Property key is missing. This property should be specified for rules of HEADER and COOKIE types.")
	}
	return nil
}

func (r l7Rule) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	policy := octavia.ID(request.Values(req.Data).String("l7policy"))
	made := l7RuleOf(req, policy)
	if err := whole(made); err != nil {
		return stoker.Result{}, err
	}
	r.lbs.PutL7Rule(made)
	return stoker.Result{}, r.settle(ctx, r.ofPolicy(req, policy))
}

func (r l7Rule) Resume(_ context.Context, req *stoker.Request) error {
	r.lbs.PutL7Rule(l7RuleOf(req, octavia.ID(request.Values(req.Data).String("l7policy"))))
	return nil
}

func (r l7Rule) Delete(ctx context.Context, req *stoker.Request) error {
	r.lbs.Remove(idOf(req))
	return r.settle(ctx, nothing)
}

func (r l7Rule) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := r.lbs.L7Rule(req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	v := request.Values(req.Properties)
	return attributes(req, common(made.Object, req, state(made.Down, map[string]any{
		"type": v.String("type"), "compare_type": v.String("compare_type"), "key": orNil(v.String("key")), "value": v.String("value"),
		"invert": made.Rule.Invert, "l7policy_id": string(made.Policy),
	})), name)
}
