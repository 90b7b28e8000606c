package heat

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/secret"
	"github.com/stoker-project/stoker/internal/value"
)

// spec is what a user handed in last for the stack of a path.
func (s *server) spec(ctx context.Context, c *call) (stoker.StackSpec, error) {
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return stoker.StackSpec{}, err
	}
	v, err := s.engine.Show(ctx, st.ID)
	if err != nil {
		return stoker.StackSpec{}, err
	}
	return v.Stack.Asked(), nil
}

// rawTemplate gives a template as a document. One that came as JSON keeps its
// text, and with it its order.
func (s *server) rawTemplate(spec stoker.StackSpec) (any, error) {
	if spec.Template == "" {
		return map[string]any{}, nil
	}
	if json.Valid([]byte(spec.Template)) {
		return json.RawMessage(spec.Template), nil
	}
	t, err := s.parse([]byte(spec.Template), spec.File)
	if err != nil {
		return nil, err
	}
	return t.Raw, nil
}

// showEnvironment gives the environment with the parameters that came beside
// it, hidden ones masked.
func (s *server) showEnvironment(ctx context.Context, c *call) (reply, error) {
	spec, err := s.spec(ctx, c)
	if err != nil {
		return reply{}, err
	}
	return reply{body: s.environmentOf(spec)}, nil
}

func (s *server) environmentOf(spec stoker.StackSpec) map[string]any {
	env := map[string]any{
		"event_sinks": []any{}, "parameter_defaults": map[string]any{}, "parameters": map[string]any{},
		"resource_registry": map[string]any{"resources": map[string]any{}}, "encrypted_param_names": []any{},
	}
	maps.Copy(env, value.CloneMap(spec.Environment))
	parameters, _ := env["parameters"].(map[string]any)
	if parameters == nil {
		parameters = map[string]any{}
	}
	maps.Copy(parameters, spec.Parameters)
	env["parameters"] = parameters
	mask(env, s.hiddenParameters(spec))
	return env
}

// hiddenParameters are those that any template of a stack hides: defaults are for
// nested ones too.
func (s *server) hiddenParameters(spec stoker.StackSpec) map[string]bool {
	out := map[string]bool{}
	for _, t := range templates(spec, s.parse) {
		for _, p := range t.Parameters {
			if p.Hidden {
				out[p.Name] = true
			}
		}
	}
	return out
}

func mask(env map[string]any, names map[string]bool) {
	for _, section := range []string{"parameters", "parameter_defaults"} {
		values, _ := env[section].(map[string]any)
		for name := range values {
			if names[name] {
				values[name] = secret.Shown
			}
		}
	}
}
