package heat

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/softwareconfig"
	"github.com/stoker-project/stoker/internal/value"
)

// derive gives the configuration as it is for this server: with the values of its
// inputs, and what the server needs to signal. Its form is that of Heat's derived
// configurations.
func (d deployment) derive(req *stoker.Request, c softwareconfig.Config, action stoker.Action) (map[string]any, error) {
	v := request.Values(req.Properties)
	given := v.Map("input_values")
	if d.structured && v.String("input_values_validate") == "STRICT" {
		if err := allGiven(c.Inputs, given); err != nil {
			return nil, err
		}
	}
	values := inputValues(c.Inputs, given)
	content := c.Config
	if d.structured {
		content = filled(content, v.String("input_key"), values)
	}
	inputs := []any{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		inputs = append(inputs, map[string]any{"name": name, "type": inputType(c.Inputs, name), "value": value.Clone(values[name])})
	}
	outputs := make([]any, len(c.Outputs))
	for i, o := range c.Outputs {
		outputs[i] = map[string]any(o)
	}
	var options any // null where there are none
	if c.Options != nil {
		options = c.Options
	}
	return map[string]any{
		"name": derivedName(v, req), "group": c.Group, "config": content, "options": options,
		"inputs": append(inputs, d.signalInputs(req, action)...), "outputs": outputs,
	}, nil
}

func derivedName(v request.Values, req *stoker.Request) string {
	if name := v.String("name"); name != "" {
		return name
	}
	return string(req.Name)
}

// inputValues gives the declared inputs their values, and adds those given that
// are not declared, as Heat does.
func inputValues(declared []request.Values, given request.Values) map[string]any {
	out := map[string]any{}
	for _, i := range declared {
		out[i.String("name")] = i["default"]
	}
	for name, v := range given {
		out[name] = v
	}
	return out
}

func inputType(declared []request.Values, name string) string {
	for _, i := range declared {
		if i.String("name") == name {
			return i.String("type")
		}
	}
	return "String"
}

func allGiven(declared []request.Values, given request.Values) error {
	for _, i := range declared {
		if name := i.String("name"); !given.Has(name) && !i.Has("default") {
			return &stoker.Error{Kind: stoker.Invalid, Type: "UserParameterMissing", Path: "properties.input_values",
				Message: fmt.Sprintf("The Parameter (%s) was not provided.", name)}
		}
	}
	return nil
}

// filled replaces {key: name} by the value of the input of that name, null where
// there is none.
func filled(v any, key string, values map[string]any) any {
	switch v := v.(type) {
	case map[string]any:
		if name, ok := v[key].(string); ok && len(v) == 1 {
			return value.Clone(values[name])
		}
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = filled(x, key, values)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = filled(x, key, values)
		}
		return out
	}
	return v
}

// signalInputs are what Heat tells every server.
func (d deployment) signalInputs(req *stoker.Request, action stoker.Action) []any {
	v := request.Values(req.Properties)
	input := func(name string, x string) any {
		return map[string]any{"name": name, "type": "String", "value": x}
	}
	out := []any{
		input("deploy_server_id", v.String("server")),
		input("deploy_action", string(action)),
		input("deploy_stack_id", req.Stack.Name+"/"+string(req.Stack.ID)),
		input("deploy_resource_name", string(req.Name)),
		input("deploy_signal_transport", v.String("signal_transport")),
	}
	switch v.String("signal_transport") {
	case cfnSignal:
		out = append(out, input("deploy_signal_id", d.d.AlarmURL(req.Stack, req.Name)), input("deploy_signal_verb", "POST"))
	case putSignal:
		out = append(out, input("deploy_signal_id", d.d.HandleURL(req.Stack, req.Name)), input("deploy_signal_verb", "PUT"))
	}
	return out
}

// outcome is what a signal says of a deployment.
type outcome struct {
	status  stoker.Status
	failure string // why it failed; empty if it did not
	values  map[string]any
}

// readOutputs takes what is declared, and what every deployment has.
func readOutputs(declared []request.Values, body map[string]any) outcome {
	out := outcome{status: stoker.StatusComplete, values: map[string]any{}}
	var failures []string
	code := request.Values(body).String("deploy_status_code")
	if code != "" && code != "0" {
		failures = append(failures, "deploy_status_code : Deployment exited with non-zero status code: "+code)
	}
	for _, o := range declared {
		name := o.String("name")
		v, there := body[name]
		if !there {
			continue
		}
		out.values[name] = value.Clone(v)
		if o.Bool("error_output") {
			failures = append(failures, fmt.Sprintf("%s : %v", name, v))
		}
	}
	for _, name := range []string{"deploy_stdout", "deploy_stderr", "deploy_status_code"} {
		out.values[name] = value.Clone(body[name])
	}
	if len(failures) > 0 {
		out.status, out.failure = stoker.StatusFailed, strings.Join(failures, ", ")
	}
	return out
}
