package heat

import (
	"context"
	"fmt"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/secret"
	"github.com/stoker-project/stoker/stack"
)

// validate checks a template and describes its parameters. Missing parameters
// are no fault here: they are what the caller wants to hear of.
func (s *server) validate(ctx context.Context, c *call) (reply, error) {
	c.validates = true
	nested, err := queryBool(c.URL.Query(), "show_nested", false)
	if err == nil {
		err = checkCodes(c.URL.Query().Get("ignore_errors"))
	}
	if err != nil {
		return reply{}, err
	}
	b, err := s.decodeStackBody(ctx, c.project, c.Body)
	if err != nil {
		return reply{}, err
	}
	in, err := s.input(c, b, nil)
	if err == nil {
		err = needTemplate(in)
	}
	if err != nil {
		return reply{}, err
	}
	in.Name = "validate"
	if err := s.engine.Validate(ctx, in); err != nil && !isClass(err, "UserParameterMissing") {
		return reply{}, err
	}
	t, err := s.parse([]byte(in.Spec.Template), in.Spec.File)
	if err != nil {
		return reply{}, err
	}
	out := describe(t, in.Spec)
	if !nested {
		return reply{body: out}, nil
	}
	inside, err := s.engine.NestedTemplates(ctx, in)
	if len(inside) > 0 {
		out["NestedParameters"] = describeNested(inside)
	}
	return reply{body: out}, err
}

// checkCodes checks the errors that a client wants to be passed over. Heat knows
// one, a resource type that is not available: that is no error of a template here.
func checkCodes(list string) error {
	for code := range strings.SplitSeq(list, ",") {
		if code = strings.TrimSpace(code); code != "" && code != "99001" {
			return refuse("HTTPBadRequest", "Invalid codes in ignore_errors : [%s]", code)
		}
	}
	return nil
}

// describeNested describes the parameters of nested templates by the resources
// that use them.
func describeNested(all []stack.Nested) map[string]any {
	out := map[string]any{}
	for _, n := range all {
		d := describe(n.Template, n.Spec)
		shown := map[string]any{"Type": n.Type, "Description": d["Description"], "Parameters": d["Parameters"]}
		if groups, ok := d["ParameterGroups"]; ok {
			shown["ParameterGroups"] = groups
		}
		if len(n.Inside) > 0 {
			shown["NestedParameters"] = describeNested(n.Inside)
		}
		out[string(n.Resource)] = shown
	}
	return out
}

func isClass(err error, class string) bool {
	e, ok := stoker.AsError(err)
	return ok && e.Type == class
}

func describe(t *hot.Template, spec stoker.StackSpec) map[string]any {
	params := map[string]any{}
	defaults, _ := spec.Environment["parameter_defaults"].(map[string]any)
	inEnv, _ := spec.Environment["parameters"].(map[string]any)
	for _, p := range t.Parameters {
		params[p.Name] = parameterOf(p, spec.Parameters[p.Name], inEnv[p.Name], defaults[p.Name])
	}
	env := map[string]any{
		"event_sinks": []any{}, "parameter_defaults": map[string]any{}, "parameters": map[string]any{},
		"resource_registry": map[string]any{"resources": map[string]any{}},
	}
	for k, v := range spec.Environment {
		env[k] = v
	}
	out := map[string]any{"Description": t.Description, "Parameters": params, "Environment": env}
	if t.Description == "" {
		out["Description"] = "No description"
	}
	if len(t.ParameterGroups) > 0 {
		groups := []any{}
		for _, g := range t.ParameterGroups {
			groups = append(groups, map[string]any{"label": g.Label, "description": g.Description, "parameters": g.Parameters})
		}
		out["ParameterGroups"] = groups
	}
	return out
}

// parameterOf describes a parameter in the CFN spelling that Heat uses here; the
// first value there is, is the one that would be used.
func parameterOf(p *hot.Parameter, values ...any) map[string]any {
	out := map[string]any{
		"Type": cfnType(p.Type), "Description": p.Description, "NoEcho": fmt.Sprint(p.Hidden), "Label": p.Label,
	}
	if p.Label == "" {
		out["Label"] = p.Name
	}
	if p.Default != nil {
		out["Default"] = p.Default
	}
	for _, v := range values {
		if v != nil {
			out["Value"] = v
			if p.Hidden {
				out["Value"] = secret.Shown
			}
			break
		}
	}
	if len(p.Tags) > 0 {
		out["Tags"] = p.Tags
	}
	describeConstraints(p.Constraints, out)
	return out
}

func cfnType(t hot.ParameterType) string {
	words := strings.Split(string(t), "_")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}

func describeConstraints(cs []stoker.Constraint, out map[string]any) {
	var texts []string
	for _, c := range cs {
		switch {
		case c.Length != nil:
			bounds(out, "MinLength", "MaxLength", c.Length)
		case c.Range != nil:
			bounds(out, "MinValue", "MaxValue", c.Range)
		case c.Modulo != nil:
			out["Step"], out["Offset"] = c.Modulo.Step, c.Modulo.Offset
		case c.AllowedValues != nil:
			out["AllowedValues"] = c.AllowedValues
		case c.Pattern != "":
			out["AllowedPattern"] = c.Pattern
		case c.Custom != "":
			out["CustomConstraint"] = c.Custom
		}
		if c.Description != "" {
			texts = append(texts, c.Description)
		}
	}
	if len(texts) > 0 {
		out["ConstraintDescription"] = strings.Join(texts, " ")
	}
}

func bounds(out map[string]any, lowest, highest string, r *stoker.Range) {
	if r.Min != nil {
		out[lowest] = *r.Min
	}
	if r.Max != nil {
		out[highest] = *r.Max
	}
}
