package aws

import (
	"context"
	"fmt"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// waitCondition is AWS::CloudFormation::WaitCondition: it is complete when its
// handle has been signalled often enough.
type waitCondition struct {
	schema.Fixed
	condition Condition
}

var (
	_ Condition        = waitCondition{}
	_ stoker.Validator = waitCondition{}
)

func waitConditionSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "Waits until a handle has been signalled; what depends on it is made only then.",
		Properties: map[string]*stoker.Property{
			"Handle": required(text("The handle: Ref of an AWS::CloudFormation::WaitConditionHandle.")),
			"Timeout": {Type: stoker.TypeInteger, Required: true, Constraints: schema.Between(1, 43200),
				Description: "Seconds to wait for the signals."},
			"Count": {Type: stoker.TypeInteger, Default: int64(1), Update: true, Constraints: schema.AtLeast(1),
				Description: "How many signals of success there have to be."},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"Data": {Type: stoker.TypeString, Description: "What the signals brought: a JSON object from their IDs to their data."},
		}),
	}
}

func condition(v request.Values) map[string]any {
	handle, _ := handleOf(v.String("Handle"))
	return map[string]any{"handle": string(handle), "timeout": v["Timeout"], "count": v["Count"]}
}

func (w waitCondition) Validate(req *stoker.Request) error {
	ref := request.Values(req.Properties).String("Handle")
	if _, ok := handleOf(ref); ref != "" && !ok {
		return refused("Handle", fmt.Sprintf("WaitCondition invalid Handle %s", ref),
			"Give the Ref of an AWS::CloudFormation::WaitConditionHandle.")
	}
	return nil
}

func (w waitCondition) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	if err := w.Validate(req); err != nil {
		return stoker.Result{}, err
	}
	return w.condition.Create(ctx, as(req, condition))
}

func (w waitCondition) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return w.condition.Update(ctx, as(req, condition))
}

func (w waitCondition) Delete(ctx context.Context, req *stoker.Request) error {
	return w.condition.Delete(ctx, as(req, condition))
}

func (w waitCondition) Await(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return w.condition.Await(ctx, as(req, condition))
}

func (w waitCondition) Attribute(ctx context.Context, req *stoker.Request, name string, path []any) (any, int, error) {
	switch name {
	case "Data":
		return w.condition.Attribute(ctx, as(req, condition), "data", path)
	case "show":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}
