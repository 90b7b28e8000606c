package stack

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/secret"
)

// secrets are the words that no message about a stack may tell: what its hidden
// parameters are, and those of the stacks it is nested in, which hand them down.
func (e *Engine) secrets(ctx context.Context, st *stoker.Stack) secret.Words {
	var w secret.Words
	for st != nil {
		w = w.And(e.hiddenOf(st, &st.Spec)).And(e.hiddenOf(st, st.Previous))
		if st.Parent == "" {
			break
		}
		parent, err := e.record(ctx, st.Parent, false)
		if err != nil {
			break // gone, and what is nested in it goes too
		}
		st = parent
	}
	return w
}

func (e *Engine) hiddenOf(st *stoker.Stack, spec *stoker.StackSpec) secret.Words {
	if spec == nil || spec.Template == "" || st.Group != nil {
		return secret.Words{} // groups have no parameters
	}
	env, err := hot.DecodeEnvironment(spec.Environment)
	if err != nil {
		return secret.Words{}
	}
	t, err := e.parsed.get(spec.Template, spec.File)
	if err != nil {
		return secret.Words{}
	}
	return secret.Of(t.HiddenValues(mergedMap(env.Parameters, spec.Parameters), env.ParameterDefaults)...)
}

// discreet gives an error without the secrets of a stack.
func (e *Engine) discreet(ctx context.Context, st *stoker.Stack, err error) error {
	at, ok := stoker.AsError(err)
	if !ok {
		return err // a fault of ours, which clients are not told
	}
	text := err.Error()
	w := e.secrets(ctx, st)
	if w.Hide(text) == text {
		return err
	}
	out := *at
	out.Pos, out.Path, out.Hint = stoker.Pos{}, "", ""
	bare := rewrapped(err, at, &out).Error()
	return &stoker.Error{Kind: at.Kind, Type: at.Type, Path: w.Hide(at.Path), Pos: at.Pos, Message: w.Hide(bare), Hint: w.Hide(at.Hint)}
}

// reason writes an error as a status reason, without secrets.
func (o *owner) reason(err error) string {
	text := reasonOf(err)
	if o.st == nil {
		return text
	}
	return o.e.secrets(o.base, o.st).Hide(text)
}
