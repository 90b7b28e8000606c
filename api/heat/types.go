package heat

import (
	"context"
	"maps"
	"regexp"
	"slices"

	"github.com/stoker-project/stoker"
)

// listTypes lists the resource types, hidden ones left out.
func (s *server) listTypes(_ context.Context, c *call) (reply, error) {
	q := c.URL.Query()
	described, err := queryBool(q, "with_description", false)
	if err != nil {
		return reply{}, err
	}
	match, err := regexp.Compile(q.Get("name"))
	if err != nil {
		return reply{}, refuse("HTTPBadRequest", "name: not a regular expression: %w", err)
	}
	types := s.engine.Types()
	out := []any{}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		switch {
		case s.engine.Allow(name, c.grant.Admin) != nil: // as if there were none
		case types[name].Hidden || !match.MatchString(string(name)):
		case !supported(q.Get("support_status")):
		case described:
			out = append(out, map[string]any{"resource_type": name, "description": types[name].Description})
		default:
			out = append(out, name)
		}
	}
	return reply{body: map[string]any{"resource_types": out}}, nil
}

// supported tells whether our types have a support status: all have the same.
func supported(status string) bool { return status == "" || status == "SUPPORTED" }

func (s *server) schema(c *call) (stoker.TypeName, *stoker.Schema, error) {
	name := stoker.TypeName(c.PathValue("type"))
	schema := s.engine.Types()[name]
	if schema == nil {
		return name, nil, &stoker.Error{Kind: stoker.NotFound, Type: "EntityNotFound",
			Message: "The Resource Type (" + string(name) + ") could not be found.",
			Hint:    "stoker resource-type list shows the types there are."}
	}
	return name, schema, s.engine.Allow(name, c.grant.Admin)
}

func (s *server) showType(_ context.Context, c *call) (reply, error) {
	name, schema, err := s.schema(c)
	if err != nil {
		return reply{}, err
	}
	attributes := map[string]any{}
	for a, d := range schema.Attributes {
		shown := map[string]any{"description": d.Description}
		if d.Type != "" {
			shown["type"] = d.Type
		}
		attributes[a] = shown
	}
	return reply{body: map[string]any{
		"resource_type": name, "description": schema.Description,
		"properties": propertiesOf(schema.Properties), "attributes": attributes,
		"support_status": map[string]any{"status": "SUPPORTED", "message": nil, "version": nil, "previous_status": nil},
	}}, nil
}

func propertiesOf(props map[string]*stoker.Property) map[string]any {
	out := map[string]any{}
	for name, p := range props {
		if !p.Hidden {
			out[name] = propertyOf(p)
		}
	}
	return out
}

func propertyOf(p *stoker.Property) map[string]any {
	out := map[string]any{
		"type": p.Type, "description": p.Description, "required": p.Required,
		"update_allowed": p.Update, "immutable": p.Immutable,
	}
	if p.Default != nil {
		out["default"] = p.Default
	}
	switch {
	case len(p.Fields) > 0:
		out["schema"] = propertiesOf(p.Fields)
	case p.Items != nil:
		out["schema"] = map[string]any{"*": propertyOf(p.Items)}
	}
	if len(p.Constraints) > 0 {
		list := make([]any, 0, len(p.Constraints))
		for _, c := range p.Constraints {
			list = append(list, constraintOf(c))
		}
		out["constraints"] = list
	}
	return out
}

func constraintOf(c stoker.Constraint) map[string]any {
	out := map[string]any{}
	if c.Description != "" {
		out["description"] = c.Description
	}
	ranged := func(r *stoker.Range) map[string]any {
		m := map[string]any{}
		if r.Min != nil {
			m["min"] = *r.Min
		}
		if r.Max != nil {
			m["max"] = *r.Max
		}
		return m
	}
	switch {
	case c.Length != nil:
		out["length"] = ranged(c.Length)
	case c.Range != nil:
		out["range"] = ranged(c.Range)
	case c.Modulo != nil:
		out["modulo"] = map[string]any{"step": c.Modulo.Step, "offset": c.Modulo.Offset}
	case c.AllowedValues != nil:
		out["allowed_values"] = c.AllowedValues
	case c.Pattern != "":
		out["allowed_pattern"] = c.Pattern
	case c.Custom != "":
		out["custom_constraint"] = c.Custom
	}
	return out
}
