package heat

import (
	"context"
	"encoding/json"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/value"
	"github.com/stoker-project/stoker/stack"
)

// What a stack is abandoned with and adopted from shows hidden parameters and what types
// remember: it is given to those who may change the stack, and logged nowhere.

func (s *server) abandonStack(ctx context.Context, c *call) (reply, error) {
	return s.handOut(ctx, c, s.engine.Abandon)
}

func (s *server) exportStack(ctx context.Context, c *call) (reply, error) {
	if c.grant.ReadOnly {
		return reply{}, &stoker.Error{Kind: stoker.Forbidden, Type: "Forbidden", Message: "You are not authorized to see what is secret: you are a reader of this project."}
	}
	return s.handOut(ctx, c, s.engine.Export)
}

func (s *server) handOut(ctx context.Context, c *call, do func(context.Context, stoker.StackID) (map[string]any, error)) (reply, error) {
	if !s.abandon {
		return reply{}, refuse("NotSupported", "Stack Abandon is not supported.")
	}
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return reply{}, err
	}
	data, err := do(ctx, st.ID)
	if err != nil {
		return reply{}, err
	}
	return reply{body: s.documents(data)}, nil
}

// documents gives an export with its templates as documents, as Heat has them.
func (s *server) documents(data map[string]any) map[string]any {
	out := value.CloneMap(data)
	if doc, err := s.rawTemplate(stack.Exported(data)); err == nil { // otherwise it does not stand any more, and stays text
		out["template"] = doc
	}
	resources, _ := out["resources"].(map[string]any)
	for name, r := range resources {
		if r, ok := r.(map[string]any); ok && r["resources"] != nil {
			resources[name] = s.documents(r)
		}
	}
	return out
}

// adoptStack makes a stack of what was abandoned. raw is text, JSON or YAML, or the
// document itself.
func (s *server) adoptStack(ctx context.Context, in stack.Input, raw json.RawMessage) (*stoker.Stack, error) {
	if !s.adopt {
		return nil, refuse("NotSupported", "Stack Adopt is not supported.")
	}
	data, err := adoptData(raw)
	if err != nil {
		return nil, refuse("HTTPBadRequest", "Invalid adopt data: %w", err)
	}
	return s.engine.Adopt(ctx, in, data)
}

func adoptData(raw json.RawMessage) (map[string]any, error) {
	text, err := document(raw)
	if err != nil {
		return nil, err
	}
	if json.Valid([]byte(text)) {
		return value.DecodeMap([]byte(text))
	}
	return hot.ParseMap([]byte(text))
}
