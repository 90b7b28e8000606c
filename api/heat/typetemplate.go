package heat

import (
	"context"
	"strings"

	"github.com/stoker-project/stoker"
)

// typeTemplate generates a template with one resource of the type: its
// properties as parameters, its attributes as outputs.
func (s *server) typeTemplate(_ context.Context, c *call) (reply, error) {
	name, schema, err := s.schema(c)
	if err != nil {
		return reply{}, err
	}
	kind := strings.ToLower(c.URL.Query().Get("template_type"))
	write, ok := map[string]writing{"": inCFN(), "cfn": inCFN(), "hot": inHOT()}[kind]
	if !ok {
		return reply{}, refuse("HTTPBadRequest", "Template type is not supported: %s", kind)
	}
	return reply{body: write.template(name, schema)}, nil
}

// writing is how a generated template is written in one of the languages.
type writing struct {
	key, version string
	word         func(string) string // its word for a section or a key of HOT's
	types        map[stoker.PropertyType]string
	parameter    func(name string, t stoker.PropertyType) any
	attribute    func(resource, name string) any
	reference    func(resource string) any
	constraint   func(parameter map[string]any, c stoker.Constraint)
}

func inHOT() writing {
	return writing{
		key: "heat_template_version", version: "2016-10-14",
		word: func(name string) string { return name },
		types: map[stoker.PropertyType]string{
			stoker.TypeString: "string", stoker.TypeInteger: "number", stoker.TypeNumber: "number", stoker.TypeBoolean: "boolean",
			stoker.TypeList: "comma_delimited_list", stoker.TypeMap: "json", stoker.TypeAny: "json",
		},
		parameter: func(name string, _ stoker.PropertyType) any { return map[string]any{"get_param": name} },
		attribute: func(resource, name string) any { return map[string]any{"get_attr": []any{resource, name}} },
		reference: func(resource string) any { return map[string]any{"get_resource": resource} },
		constraint: func(p map[string]any, c stoker.Constraint) {
			list, _ := p["constraints"].([]any)
			p["constraints"] = append(list, constraintOf(c))
		},
	}
}

func inCFN() writing {
	return writing{
		key: "HeatTemplateFormatVersion", version: "2012-12-12",
		word: func(name string) string { return strings.ToUpper(name[:1]) + name[1:] },
		types: map[stoker.PropertyType]string{
			stoker.TypeString: "String", stoker.TypeInteger: "Number", stoker.TypeNumber: "Number", stoker.TypeBoolean: "Boolean",
			stoker.TypeList: "CommaDelimitedList", stoker.TypeMap: "Json", stoker.TypeAny: "Json",
		},
		parameter: func(name string, t stoker.PropertyType) any {
			ref := map[string]any{"Ref": name}
			if t == stoker.TypeList {
				return map[string]any{"Fn::Split": []any{",", ref}}
			}
			return ref
		},
		attribute:  func(resource, name string) any { return map[string]any{"Fn::GetAtt": []any{resource, name}} },
		reference:  func(resource string) any { return map[string]any{"Ref": resource} },
		constraint: constraintOfCFN,
	}
}

func (w writing) template(name stoker.TypeName, schema *stoker.Schema) map[string]any {
	parameters, properties, outputs := map[string]any{}, map[string]any{}, map[string]any{}
	for p, d := range schema.Properties {
		if !d.Hidden {
			parameters[p] = w.parameterFor(d)
			properties[p] = w.parameter(p, d.Type)
		}
	}
	simple := string(name[strings.LastIndexByte(string(name), ':')+1:])
	for a, d := range schema.Attributes {
		outputs[a] = map[string]any{w.word("description"): d.Description, w.word("value"): w.attribute(simple, a)}
	}
	outputs["OS::stack_id"] = map[string]any{w.word("value"): w.reference(simple)}
	return map[string]any{
		w.key: w.version, w.word("description"): "Initial template of " + simple,
		w.word("parameters"): parameters, w.word("outputs"): outputs,
		w.word("resources"): map[string]any{simple: map[string]any{w.word("type"): name, w.word("properties"): properties}},
	}
}

// parameterFor is the parameter that can carry a property.
func (w writing) parameterFor(p *stoker.Property) map[string]any {
	out := map[string]any{w.word("type"): w.types[p.Type], w.word("description"): p.Description}
	switch {
	case p.Default != nil:
		out[w.word("default")] = p.Default
	case !p.Required && p.Type == stoker.TypeString:
		out[w.word("default")] = ""
	}
	if p.Type == stoker.TypeString || p.Type == stoker.TypeInteger || p.Type == stoker.TypeNumber {
		for _, c := range p.Constraints { // those of lists and maps are of what is in them
			w.constraint(out, c)
		}
	}
	return out
}

// constraintOfCFN writes those that CloudFormation has words for.
func constraintOfCFN(p map[string]any, c stoker.Constraint) {
	ranged := func(r *stoker.Range, kind string) {
		if r.Min != nil {
			p["Min"+kind] = *r.Min
		}
		if r.Max != nil {
			p["Max"+kind] = *r.Max
		}
	}
	switch {
	case c.Length != nil:
		ranged(c.Length, "Length")
	case c.Range != nil:
		ranged(c.Range, "Value")
	case c.AllowedValues != nil:
		p["AllowedValues"] = c.AllowedValues
	case c.Pattern != "":
		p["AllowedPattern"] = c.Pattern
	}
}
