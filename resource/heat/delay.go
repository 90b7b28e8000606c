package heat

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// delay is OS::Heat::Delay: it waits, by a time that may be random in part, so that
// what depends on it comes later.
type delay struct{ schema.Fixed }

var (
	_ stoker.Updater    = delay{}
	_ stoker.Awaiter    = delay{}
	_ stoker.Attributer = delay{}
)

func delaySchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "Waits, so that what depends on it is made later, or deleted later.",
		Properties: map[string]*stoker.Property{
			"min_wait": {Type: stoker.TypeNumber, Default: int64(0), Update: true, Constraints: schema.AtLeast(0),
				Description: "Seconds to wait at least."},
			"max_jitter": {Type: stoker.TypeNumber, Default: int64(0), Update: true, Constraints: schema.AtLeast(0),
				Description: "How much more to wait at most, by chance."},
			"jitter_multiplier": {Type: stoker.TypeNumber, Default: 1.0, Update: true, Constraints: schema.AtLeast(0),
				Description: "What max_jitter is multiplied by to give seconds."},
			"actions": {Type: stoker.TypeList, Default: []any{"CREATE"}, Update: true, Constraints: schema.OneOf("CREATE", "DELETE", "SUSPEND", "RESUME"),
				Description: "When to wait. SUSPEND and RESUME are accepted and ignored."},
		},
		Attributes: schema.Attributes(nil),
	}
}

// Create throws the dice once, so that the wait goes on where it was after a restart.
func (delay) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	data := req.Data
	if data["since"] == nil {
		data = map[string]any{"since": time.Now().UTC().Format(time.RFC3339Nano), "wait": waitBy(req, "CREATE")}
	}
	return stoker.Result{PhysicalID: stoker.PhysicalID(request.Name(req)), Data: data}, nil
}

func waitBy(req *stoker.Request, action string) float64 {
	v := request.Values(req.Properties)
	if !slices.Contains(v.Strings("actions"), action) {
		return 0
	}
	return v.Float("min_wait") + v.Float("max_jitter")*v.Float("jitter_multiplier")*rand.Float64()
}

func (delay) Await(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	data := request.Values(req.Data)
	since, err := time.Parse(time.RFC3339Nano, data.String("since"))
	if err != nil {
		since = time.Now()
	}
	return stoker.Result{}, waitFor(ctx, data.Float("wait"), since)
}

// Update takes no time: there is no such action to wait at.
func (delay) Update(context.Context, *stoker.Request) (stoker.Result, error) {
	return stoker.Result{}, nil
}

func (delay) Delete(ctx context.Context, req *stoker.Request) error {
	return waitFor(ctx, waitBy(req, "DELETE"), time.Now())
}

func (delay) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	if name == "show" {
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}
