package heat

import (
	"context"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// testResource is OS::Heat::TestResource: it keeps a value, and waits and fails
// as it is told.
type testResource struct{ schema.Fixed }

var (
	_ stoker.Updater    = testResource{}
	_ stoker.Awaiter    = testResource{}
	_ stoker.Checker    = testResource{}
	_ stoker.Attributer = testResource{}
)

func testResourceSchema() *stoker.Schema {
	wait := func(when string) *stoker.Property {
		return &stoker.Property{Type: stoker.TypeNumber, Update: true,
			Description: "Seconds to wait after " + when + "; without it wait_secs holds."}
	}
	ignored := func(t stoker.PropertyType, otherwise any, what string) *stoker.Property {
		return &stoker.Property{Type: t, Default: otherwise, Update: true, Description: what + "; accepted and ignored."}
	}
	return &stoker.Schema{
		Description: "Keeps a value, waits and fails as it is told. For tests of stacks.",
		Properties: map[string]*stoker.Property{
			"value": {Type: stoker.TypeString, Default: "test_string", Update: true, Description: "The text to keep."},
			"fail":  {Type: stoker.TypeBoolean, Default: false, Update: true, Description: "Whether creating and updating fail, after the wait."},
			"update_replace": {Type: stoker.TypeBoolean, Default: false, Update: true,
				Description: "Whether a change of value replaces the resource."},
			"update_replace_value": {Type: stoker.TypeString, Description: "A text whose change replaces the resource."},
			"wait_secs": {Type: stoker.TypeNumber, Default: int64(0), Update: true,
				Description: "Seconds to wait after each action; -1 waits until the stack's timeout."},
			"action_wait_secs": {Type: stoker.TypeMap, Update: true, Description: "Seconds to wait, for each action by itself.",
				Fields: map[string]*stoker.Property{"create": wait("creating"), "update": wait("updating"), "delete": wait("deleting")}},
			"attr_wait_secs":       {Type: stoker.TypeNumber, Default: int64(0), Update: true, Description: "Seconds to wait before an attribute is given."},
			"constraint_prop_secs": ignored(stoker.TypeNumber, int64(0), "Seconds that checking this property would take"),
			"client_name":          ignored(stoker.TypeString, "", "A client of OpenStack to ask"),
			"entity_name":          ignored(stoker.TypeString, "", "What to ask that client for"),
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"output": {Description: "The text that was kept."},
		}),
	}
}

func (testResource) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	res := stoker.Result{PhysicalID: stoker.PhysicalID(request.Name(req))}
	res.Data = kept(req, "create", req.Properties["value"])
	return res, nil
}

// Update keeps a new value; a change of anything else takes no time, as in Heat.
func (testResource) Update(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	if !v.Changed(req.OldProperties, "value") {
		return stoker.Result{Data: map[string]any{"value": req.Data["value"]}}, nil
	}
	if v.Bool("update_replace") {
		return stoker.Result{}, stoker.ErrReplace
	}
	return stoker.Result{Data: kept(req, "update", v["value"])}, nil
}

// kept is what Await and the attribute need: the wait goes on where it was after
// a restart.
func kept(req *stoker.Request, action string, value any) map[string]any {
	return map[string]any{
		"value": value,
		"since": time.Now().UTC().Format(time.RFC3339Nano),
		"wait":  waitSeconds(req, action),
	}
}

func waitSeconds(req *stoker.Request, action string) float64 {
	v := request.Values(req.Properties)
	if m := v.Map("action_wait_secs"); m.Has(action) {
		return m.Float(action)
	}
	return v.Float("wait_secs")
}

func (testResource) Await(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	data := request.Values(req.Data)
	since, _ := time.Parse(time.RFC3339Nano, data.String("since"))
	if err := waitFor(ctx, data.Float("wait"), since); err != nil {
		return stoker.Result{}, err
	}
	if request.Values(req.Properties).Bool("fail") {
		return stoker.Result{}, &stoker.Error{Kind: stoker.Conflict, Type: "ValueError", Message: "Test Resource failed " + string(req.Name)}
	}
	return stoker.Result{}, nil
}

// waitFor waits until so many seconds have passed since a moment; for ever if
// they are negative.
func waitFor(ctx context.Context, seconds float64, since time.Time) error {
	if seconds < 0 {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	d, err := request.Seconds(seconds)
	if err != nil {
		return err
	}
	if d == 0 {
		return nil
	}
	return request.Pause(ctx, time.Until(since.Add(d)))
}

func (testResource) Delete(ctx context.Context, req *stoker.Request) error {
	return waitFor(ctx, waitSeconds(req, "delete"), time.Now())
}

// Check finds nothing to complain of: there is nothing outside the record.
func (testResource) Check(context.Context, *stoker.Request) error { return nil }

func (testResource) Attribute(ctx context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	switch name {
	case "output":
		err := waitFor(ctx, request.Values(req.Properties).Float("attr_wait_secs"), time.Now())
		return req.Data["value"], 0, err
	case "show":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}
