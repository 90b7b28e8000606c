package cfn

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/stack"
)

// getTemplate gives the template that was handed in last.
func (s *Server) getTemplate(ctx context.Context, c *call) (any, error) {
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return nil, err
	}
	v, err := s.Engine.Show(ctx, st.ID)
	if err != nil {
		return nil, err
	}
	text := v.Stack.Spec.Template
	if text == "" && v.Stack.Previous != nil {
		text = v.Stack.Previous.Template
	}
	if json.Valid([]byte(text)) {
		return object{{"TemplateBody", document{json.RawMessage(text)}}}, nil
	}
	t, err := s.Parse([]byte(text), "")
	if err != nil {
		return nil, err
	}
	return object{{"TemplateBody", document{t.Raw}}}, nil
}

// validateTemplate tells a template's parameters, or what is wrong with it.
// Parameters that are missing are no fault: they are what the caller asks for.
func (s *Server) validateTemplate(ctx context.Context, c *call) (any, error) {
	text, err := c.template()
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, missing("TemplateBody")
	}
	in := stack.Input{Project: c.grant.Project, Name: "validate", Owner: c.grant.User, Spec: stoker.StackSpec{Template: text}}
	if err := s.Engine.Validate(ctx, in); err != nil {
		if e, ok := stoker.AsError(err); !ok || e.Type != "UserParameterMissing" {
			return nil, err
		}
	}
	t, err := s.Parse([]byte(text), "")
	if err != nil {
		return nil, err
	}
	params := []object{}
	for _, p := range t.Parameters {
		o := object{{"ParameterKey", p.Name}, {"Description", p.Description}, {"NoEcho", fmt.Sprint(p.Hidden)}, {"ParameterType", cfnType(p)}}
		if p.Default != nil {
			o = append(o, member{"DefaultValue", asText(p.Default)})
		}
		params = append(params, o)
	}
	return object{{"Description", t.Description}, {"Capabilities", []string{}}, {"Parameters", params}}, nil
}

func cfnType(p *hot.Parameter) string {
	words := strings.Split(string(p.Type), "_")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}

// estimateCost is Heat's answer.
func (s *Server) estimateCost(context.Context, *call) (any, error) {
	return object{{"Url", "http://en.wikipedia.org/wiki/Gratis"}}, nil
}
