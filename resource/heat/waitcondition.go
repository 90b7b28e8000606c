package heat

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// waitCondition is OS::Heat::WaitCondition: it is complete when its handle has
// been signalled often enough.
type waitCondition struct {
	schema.Fixed
	data Data
}

var (
	_ stoker.Updater    = waitCondition{}
	_ stoker.Awaiter    = waitCondition{}
	_ stoker.Attributer = waitCondition{}
)

func waitConditionSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "Waits until a handle has been signalled; what depends on it is made only then.",
		Properties: map[string]*stoker.Property{
			"handle": {Type: stoker.TypeString, Required: true,
				Description: "The handle: get_resource of an OS::Heat::WaitConditionHandle or UpdateWaitConditionHandle."},
			"timeout": {Type: stoker.TypeNumber, Required: true, Constraints: schema.Between(1, 43200),
				Description: "Seconds to wait for the signals."},
			"count": {Type: stoker.TypeInteger, Default: int64(1), Update: true, Constraints: schema.AtLeast(1),
				Description: "How many signals of success there have to be."},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"data": {Type: stoker.TypeString, Description: "What the signals brought: a JSON object from their IDs to their data."},
		}),
	}
}

func (waitCondition) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	return stoker.Result{PhysicalID: stoker.PhysicalID(request.Name(req)), Data: sinceNow()}, nil
}

// Update waits anew, with the whole timeout.
func (waitCondition) Update(context.Context, *stoker.Request) (stoker.Result, error) {
	return stoker.Result{Data: sinceNow()}, nil
}

func sinceNow() map[string]any {
	return map[string]any{"since": time.Now().UTC().Format(time.RFC3339Nano)}
}

func (waitCondition) Delete(context.Context, *stoker.Request) error { return nil }

// errWaitOver tells our own timeout from the end of the caller's context.
var errWaitOver = errors.New("the wait is over")

func (w waitCondition) Await(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	since, err := time.Parse(time.RFC3339Nano, request.Values(req.Data).String("since"))
	if err != nil {
		since = time.Now()
	}
	wait, stop := context.WithDeadlineCause(ctx, since.Add(v.SecondsOf("timeout")), errWaitOver)
	defer stop()
	want := v.IntOr("count", 1)
	if err := w.own(ctx, req); err != nil {
		return stoker.Result{}, err
	}
	var signals []waitSignal
	err = w.data.AwaitData(wait, handleID(v), func(data map[string]any) bool {
		signals = readSignals(data)
		return data["transport"] == noSignal || count(signals, failure) > 0 || len(signals) >= want
	})
	switch {
	case count(signals, failure) > 0:
		return stoker.Result{}, &stoker.Error{Kind: stoker.Conflict, Type: "WaitConditionFailure", Message: reasons(signals, failure)}
	case err == nil:
		return stoker.Result{}, nil
	case ctx.Err() == nil && context.Cause(wait) == errWaitOver:
		return stoker.Result{}, timedOut(signals, want)
	}
	return stoker.Result{}, fmt.Errorf("wait for signals to handle %s: %w", v.String("handle"), err)
}

// handleID is the handle's ID: its reference, or what stands behind the address that
// the handles of CloudFormation have for one.
func handleID(v request.Values) stoker.ResourceID {
	ref := v.String("handle")
	if _, id, ok := strings.Cut(ref, "#"); ok {
		return stoker.ResourceID(id)
	}
	return stoker.ResourceID(ref)
}

// own refuses a handle of another project: it is as if there were none.
func (w waitCondition) own(ctx context.Context, req *stoker.Request) error {
	handle := handleID(request.Values(req.Properties))
	owner, err := w.data.Owner(ctx, handle)
	if err == nil && owner != req.Stack.Project {
		err = stoker.Errorf(stoker.NotFound, "there is no resource %s", handle)
	}
	if err != nil {
		return fmt.Errorf("look for handle %s: %w", handle, err)
	}
	return nil
}

func timedOut(signals []waitSignal, want int) error {
	text := fmt.Sprintf("%d of %d received", len(signals), want)
	if r := reasons(signals, success); r != "" {
		text += " - " + r
	}
	return &stoker.Error{Kind: stoker.Unavailable, Type: "WaitConditionTimeout", Message: text}
}

func (w waitCondition) Attribute(ctx context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	switch name {
	case "data":
		text, err := w.dataNow(ctx, req)
		return text, 0, err
	case "show":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

// dataNow looks at the handle as it is, with signals that came after the wait.
func (w waitCondition) dataNow(ctx context.Context, req *stoker.Request) (string, error) {
	if err := w.own(ctx, req); stoker.IsKind(err, stoker.NotFound) {
		return "", nil // the handle is gone
	} else if err != nil {
		return "", err
	}
	var signals []waitSignal
	handle := handleID(req.Properties)
	err := w.data.AwaitData(ctx, handle, func(data map[string]any) bool {
		signals = readSignals(data)
		return true
	})
	if stoker.IsKind(err, stoker.NotFound) {
		return "", nil // the handle is gone
	}
	if err != nil {
		return "", fmt.Errorf("read signals of handle %s: %w", handle, err)
	}
	return dataByID(signals)
}
