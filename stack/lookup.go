package stack

import (
	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

func (e *Engine) asking(s *scope, by stoker.TypeName) hot.Lookup {
	return func(constraint, value string) error {
		if find := e.constraints[constraint]; find != nil {
			return find(s.st.Project, by, value)
		}
		return nil
	}
}

// lookUp looks for what a resource's properties name, before anything is made. Whoever
// makes the resource looks again.
func (e *Engine) lookUp(s *scope, n *node, w *wanted) error {
	if n.kind.schema.AnyProperty {
		return nil
	}
	return at(hot.LookUpProperties(n.kind.schema.Properties, w.props, n.def.Path("properties"), e.asking(s, n.kind.name)), n)
}

func (e *Engine) lookUpParameters(s *scope) error {
	var unknown []string
	if s.part != nil {
		unknown = s.part.parameters
	}
	return s.graph.bound.LookUp(unknown, e.asking(s, ""))
}
