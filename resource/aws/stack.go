package aws

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// stackType is AWS::CloudFormation::Stack: OS::Heat::Stack with a template that is
// fetched from an address whenever the resource is made or changed.
type stackType struct {
	schema.Fixed
	stack Stack
	fetch func(ctx context.Context, address string) ([]byte, error)
}

var (
	_ Stack            = stackType{}
	_ stoker.Validator = stackType{}
)

func stackSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "A stack of its own, made from a template at an address.",
		Properties: map[string]*stoker.Property{
			"TemplateURL": {Type: stoker.TypeString, Required: true, Update: true,
				Description: "The template's address: HTTP or HTTPS, and public unless the configuration's allow_fetch names it."},
			"Parameters": {Type: stoker.TypeMap, Update: true, Description: "Values of its parameters."},
			"TimeoutInMinutes": {Type: stoker.TypeInteger, Update: true,
				Description: "Minutes that an operation on it may take."},
		},
		Attributes:   schema.Attributes(nil),
		AnyAttribute: true, // Outputs.NAME
	}
}

// Validate looks at the address only: it may be that nothing is there yet.
func (s stackType) Validate(req *stoker.Request) error {
	address := request.Values(req.Properties).String("TemplateURL")
	u, err := url.Parse(address)
	if address != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return refused("TemplateURL", fmt.Sprintf("%q is no address of HTTP or HTTPS", address), "Give the whole address of a template.")
	}
	return nil
}

// standing is the request as OS::Heat::Stack takes it; template is empty where it does
// not matter.
func standing(req *stoker.Request, template string) *stoker.Request {
	return as(req, func(v request.Values) map[string]any {
		out := map[string]any{"template": template, "parameters": v["Parameters"]}
		if v.Has("TimeoutInMinutes") {
			out["timeout"] = v["TimeoutInMinutes"]
		}
		return out
	})
}

func (s stackType) fetched(ctx context.Context, req *stoker.Request) (*stoker.Request, error) {
	text, err := s.fetch(ctx, request.Values(req.Properties).String("TemplateURL"))
	if err != nil {
		return nil, fmt.Errorf("fetch the template: %w", err)
	}
	return standing(req, string(text)), nil
}

func (s stackType) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	out, err := s.fetched(ctx, req)
	if err != nil {
		return stoker.Result{}, err
	}
	return s.stack.Create(ctx, out)
}

func (s stackType) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	out, err := s.fetched(ctx, req)
	if err != nil {
		return stoker.Result{}, err
	}
	return s.stack.Update(ctx, out)
}

func (s stackType) Delete(ctx context.Context, req *stoker.Request) error {
	return s.stack.Delete(ctx, standing(req, ""))
}

func (s stackType) Await(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return s.stack.Await(ctx, standing(req, ""))
}

// Attribute gives an output by Outputs.NAME, as in CloudFormation.
func (s stackType) Attribute(ctx context.Context, req *stoker.Request, name string, path []any) (any, int, error) {
	output, ok := strings.CutPrefix(name, "Outputs.")
	switch {
	case name == "show":
		return nil, 0, nil
	case !ok || output == "":
		return nil, 0, request.UnknownAttribute(req.Name, name)
	}
	v, _, err := s.stack.Attribute(ctx, standing(req, ""), "outputs", nil)
	if err != nil {
		return nil, 0, err
	}
	outputs, _ := v.(map[string]any)
	value, ok := outputs[output]
	if !ok {
		return nil, 0, request.UnknownAttribute(req.Name, name)
	}
	return value, 0, nil
}
