package openstack

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/octavia"
	"github.com/stoker-project/stoker/internal/poolspec"
	"github.com/stoker-project/stoker/internal/request"
)

// l7Policy is OS::Octavia::L7Policy: what becomes of a listener's requests that all of
// its rules match.
type l7Policy struct{ balancing }

var (
	_ stoker.Updater    = l7Policy{}
	_ stoker.Resumer    = l7Policy{}
	_ stoker.Validator  = l7Policy{}
	_ stoker.Attributer = l7Policy{}
	_ stoker.Refuser    = l7Policy{}
)

func (p l7Policy) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	name, err := required(req.Properties, "listener")
	if err != nil {
		return stoker.Result{}, err
	}
	l, err := p.lbs.Listener(req.Stack.Project, name)
	if err != nil {
		return stoker.Result{}, in("listener", err)
	}
	return p.put(ctx, req, map[string]any{"listener": string(l.ID), "tail": int64(p.lbs.Tail(l.ID))})
}

// put makes the policy, or changes it, by the listener and the place at its tail that
// are on record.
func (p l7Policy) put(ctx context.Context, req *stoker.Request, data map[string]any) (stoker.Result, error) {
	if err := target(req.Properties); err != nil {
		return stoker.Result{}, err
	}
	pool := ""
	if name := request.Values(req.Properties).String("redirect_pool"); name != "" {
		to, err := p.lbs.Pool(req.Stack.Project, name)
		if err != nil {
			return stoker.Result{}, in("redirect_pool", err)
		}
		pool = string(to.ID)
	}
	data = map[string]any{"listener": data["listener"], "tail": data["tail"], "pool": pool}
	made, err := l7PolicyOf(req, data)
	if err != nil {
		return stoker.Result{}, err
	}
	if err := p.lbs.PutL7Policy(made); err != nil {
		return stoker.Result{}, in("action", err)
	}
	return stoker.Result{PhysicalID: physical(made.Object), Data: data}, p.settle(ctx, p.ofListener(made.Listener))
}

// ofListener chooses what concerns the pool of a listener.
func (c *cloud) ofListener(listener octavia.ID) func(subject) bool {
	if pool, ok := c.lbs.DefaultPool(listener); ok {
		return about(pool)
	}
	return about(listener)
}

// l7PolicyOf reads a policy, with the objects that are on record.
func l7PolicyOf(req *stoker.Request, data request.Values) (octavia.L7Policy, error) {
	v := request.Values(req.Properties)
	made := octavia.L7Policy{
		Object: object(req), Listener: octavia.ID(data.String("listener")), RedirectPool: octavia.ID(data.String("pool")),
		RedirectURL: v.String("redirect_url"), Position: v.IntOr("position", data.Int("tail")), Down: down(v),
	}
	var err error
	made.Action, err = octavia.L7Action(v.String("action"))
	return made, in("action", err)
}

// Validate says in Heat's words what does not go together.
func (l7Policy) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	action, pool, url := v.String("action"), v.Has("redirect_pool"), v.Has("redirect_url")
	switch {
	case action == "REJECT" && (pool || url):
		return unfit("Properties redirect_pool and redirect_url are not required when action type is set to REJECT.")
	case action == "REDIRECT_TO_POOL" && url:
		return unfit("redirect_url property can only be specified when the value of action property is REDIRECT_TO_URL.")
	case action == "REDIRECT_TO_URL" && pool:
		return unfit("redirect_pool property can only be specified when the value of action property is REDIRECT_TO_POOL.")
	case url:
		return in("redirect_url", poolspec.URL(v.String("redirect_url")))
	}
	return nil
}

// target says in Heat's words that a policy leads nowhere. Before everything is known
// nobody can tell.
func target(v request.Values) error {
	for action, name := range map[string]string{"REDIRECT_TO_POOL": "redirect_pool", "REDIRECT_TO_URL": "redirect_url"} {
		if v.String("action") == action && v.String(name) == "" {
			return unfit("Property " + name + " is required when action type is set to " + action + ".")
		}
	}
	return nil
}

// unfit is Heat's error about properties that do not go together.
func unfit(message string) error {
	return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Message: message}
}

func (p l7Policy) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return p.put(ctx, req, req.Data)
}

func (p l7Policy) Resume(_ context.Context, req *stoker.Request) error {
	made, err := l7PolicyOf(req, req.Data)
	if err != nil {
		return err
	}
	return p.lbs.PutL7Policy(made)
}

func (p l7Policy) Delete(ctx context.Context, req *stoker.Request) error {
	p.lbs.Remove(idOf(req))
	return p.settle(ctx, p.ofListener(octavia.ID(request.Values(req.Data).String("listener"))))
}

func (p l7Policy) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := p.lbs.L7Policy(req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	v := request.Values(req.Properties)
	var rules []octavia.ID
	for _, r := range p.lbs.RulesOf(made.ID) {
		rules = append(rules, r.ID)
	}
	return attributes(req, common(made.Object, req, state(made.Down, map[string]any{
		"action": v.String("action"), "listener_id": string(made.Listener), "position": int64(made.Position), "rules": links(rules),
		"redirect_pool_id": orNil(string(made.RedirectPool)), "redirect_url": orNil(made.RedirectURL),
	})), name)
}
