package cfn

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
)

// stackOf finds the stack that StackName names, by name, ID or ARN.
func (s *Server) stackOf(ctx context.Context, c *call) (*stoker.Stack, error) {
	name := c.params.Get("StackName")
	if name == "" {
		return nil, missing("StackName")
	}
	if strings.HasPrefix(name, "arn:") {
		a, err := parseARN(name)
		switch {
		case err != nil:
			return nil, err
		case a.project != c.grant.Project || a.resource != "":
			return nil, &stoker.Error{Kind: stoker.NotFound, Message: fmt.Sprintf("The Stack (%s) could not be found.", name)}
		}
		name = string(a.id)
	}
	return s.Engine.Find(ctx, c.grant.Project, name)
}

// parameters reads Parameters.member.N.ParameterKey and ...Value. Those with
// UsePreviousValue are left out.
func (c *call) parameters() (map[string]any, error) {
	type pair struct {
		key, value  string
		given, keep bool
	}
	pairs := map[string]*pair{}
	for name, values := range c.params {
		rest, ok := strings.CutPrefix(name, "Parameters.member.")
		if !ok {
			continue
		}
		number, field, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(number); err != nil || n < 1 {
			return nil, invalid("%s: want Parameters.member.N, N from 1", name)
		}
		p := pairs[number]
		if p == nil {
			p = &pair{}
			pairs[number] = p
		}
		switch field {
		case "ParameterKey":
			p.key = values[0]
		case "ParameterValue":
			p.value, p.given = values[0], true
		case "UsePreviousValue":
			p.keep = strings.EqualFold(values[0], "true")
		default:
			return nil, invalid("%s: there is no field %q", name, field)
		}
	}
	out := map[string]any{}
	for number, p := range pairs {
		_, twice := out[p.key]
		switch {
		case p.key == "" || twice || !p.given && !p.keep:
			return nil, invalid("Parameters.member.%s: the key or the value is missing, or the key is there twice", number)
		case !p.keep:
			out[p.key] = p.value
		}
	}
	return out, nil
}

// template reads TemplateBody; empty where there is none.
func (c *call) template() (string, error) {
	text := c.params.Get("TemplateBody")
	switch {
	case cmp.Or(c.params.Get("TemplateUrl"), c.params.Get("TemplateURL")) != "":
		return "", invalid("TemplateUrl is not supported, send the template itself as TemplateBody")
	case len(text) > MaxTemplate:
		return "", &stoker.Error{Kind: stoker.Invalid, Type: "RequestLimitExceeded",
			Message: fmt.Sprintf("Request limit exceeded: Template size (%d bytes) exceeds maximum allowed size (%d bytes).", len(text), MaxTemplate)}
	}
	return text, nil
}

// input is what the engine takes of CreateStack and UpdateStack.
func (c *call) input() (in stack.Input, err error) {
	in = stack.Input{Project: c.grant.Project, Name: c.params.Get("StackName"), Owner: c.grant.User}
	in.Spec.Admin = c.grant.Admin
	if in.Spec.Template, err = c.template(); err != nil {
		return in, err
	}
	if in.Spec.Parameters, err = c.parameters(); err != nil {
		return in, err
	}
	if in.DisableRollback, err = c.disableRollback(); err != nil {
		return in, err
	}
	if text := c.params.Get("TimeoutInMinutes"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > math.MaxInt32 {
			return in, invalid("TimeoutInMinutes: %q is not a number of minutes", text)
		}
		in.Timeout = time.Duration(n) * time.Minute
	}
	return in, nil
}

// disableRollback reads DisableRollback or OnFailure. The default is Heat's.
func (c *call) disableRollback() (bool, error) {
	text, failure := c.params.Get("DisableRollback"), c.params.Get("OnFailure")
	switch {
	case text != "" && failure != "":
		return false, &problem{400, "InvalidParameterCombination", "DisableRollback and OnFailure may not be used together"}
	case failure == "DO_NOTHING" || strings.EqualFold(text, "true"), text == "" && failure == "":
		return true, nil
	case slices.Contains([]string{"ROLLBACK", "DELETE"}, failure) || strings.EqualFold(text, "false"):
		return false, nil
	}
	return false, invalid("DisableRollback: want true or false; OnFailure: want DO_NOTHING, ROLLBACK or DELETE; not %q", text+failure)
}
