package heat

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
)

// output is a resolved output.
type output struct {
	Key         string `json:"output_key"`
	Description string `json:"description"`
	Value       any    `json:"output_value"`
	Error       string `json:"output_error,omitempty"`
}

func outputOf(o stack.Output) output {
	out := output{Key: o.Name, Description: o.Description, Value: o.Value}
	if out.Description == "" {
		out.Description = "No description given"
	}
	if o.Err != nil {
		out.Value, out.Error = nil, o.Err.Error()
	}
	return out
}

func (s *server) outputs(ctx context.Context, c *call) ([]stack.Output, error) {
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return nil, err
	}
	v, err := s.engine.Show(ctx, st.ID)
	if err != nil {
		return nil, err
	}
	return v.Outputs, nil
}

func (s *server) listOutputs(ctx context.Context, c *call) (reply, error) {
	all, err := s.outputs(ctx, c)
	if err != nil {
		return reply{}, err
	}
	list := make([]map[string]string, 0, len(all))
	for _, o := range all {
		shown := outputOf(o)
		list = append(list, map[string]string{"output_key": shown.Key, "description": shown.Description})
	}
	return reply{body: map[string]any{"outputs": list}}, nil
}

func (s *server) showOutput(ctx context.Context, c *call) (reply, error) {
	all, err := s.outputs(ctx, c)
	if err != nil {
		return reply{}, err
	}
	key := c.PathValue("key")
	for _, o := range all {
		if o.Name == key {
			return reply{body: map[string]any{"output": outputOf(o)}}, nil
		}
	}
	return reply{}, &stoker.Error{Kind: stoker.NotFound, Type: "NotFound", Message: "Specified output key " + key + " not found."}
}
