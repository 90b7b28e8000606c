package native

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// scaler is Stoker::Scaler: signals and rules that keep a group the right size.
// Its ScalerID is its ResourceID.
type scaler struct {
	schema.Fixed
	d Deps
}

var (
	_ stoker.Updater    = scaler{}
	_ stoker.Resumer    = scaler{}
	_ stoker.Sleeper    = scaler{}
	_ stoker.Abandoner  = scaler{}
	_ stoker.Attributer = scaler{}
	_ stoker.Validator  = scaler{}
)

func (s scaler) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	p, err := policy(req)
	if err != nil {
		return stoker.Result{}, err
	}
	if err := s.d.Scalers.Put(ctx, p); err != nil {
		return stoker.Result{}, inProperties(err)
	}
	return stoker.Result{PhysicalID: stoker.PhysicalID(p.ID)}, nil
}

// Update gives the running scaler its new policy; what it has seen stays.
func (s scaler) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return s.Create(ctx, req)
}

// Resume starts the scaler again in a new process.
func (s scaler) Resume(ctx context.Context, req *stoker.Request) error {
	_, err := s.Create(ctx, req)
	return err
}

// Sleep ends the scaler until Wake starts it anew; its decisions stay.
func (s scaler) Sleep(ctx context.Context, req *stoker.Request) error { return s.Delete(ctx, req) }

// Wake starts the scaler again.
func (s scaler) Wake(ctx context.Context, req *stoker.Request) error { return s.Resume(ctx, req) }

// Abandon ends the scaler; what it would have scaled stays as it is.
func (s scaler) Abandon(ctx context.Context, req *stoker.Request) error { return s.Delete(ctx, req) }

func (s scaler) Delete(ctx context.Context, req *stoker.Request) error {
	return s.d.Scalers.Remove(ctx, stoker.ScalerID(req.ID))
}

func (scaler) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	if name == "show" {
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

// Validate checks the whole policy as soon as its signals and rules are known.
func (s scaler) Validate(req *stoker.Request) error {
	p, err := policy(req)
	if err != nil {
		return err
	}
	v := request.Values(req.Properties)
	if !v.Has("signals") || !v.Has("rules") {
		return nil
	}
	if err := checkSignals(p.Signals); err != nil {
		return inProperties(err)
	}
	// Neither exists before the stack does.
	if p.ID == "" {
		p.ID = "unknown"
	}
	if p.Group == "" {
		p.Group = "unknown"
	}
	return inProperties(s.d.CheckPolicy(p))
}
