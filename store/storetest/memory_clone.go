package storetest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/value"
)

// Records are copied on their way in and out, so that an engine that changes
// what it may not change is found out, as it would be with a database. The same goes for
// values that have no JSON form.

// utc drops what a database does not keep: the zone and the monotonic clock.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.Unix(0, t.UnixNano()).UTC()
}

func cloneStack(s *stoker.Stack, brief bool) (*stoker.Stack, error) {
	c := *s
	c.Created, c.Updated, c.Deleted = utc(s.Created), utc(s.Updated), utc(s.Deleted)
	c.Tags = slices.Clone(s.Tags)
	c.Spec, c.Previous = stoker.StackSpec{}, nil
	var err error
	if !brief {
		if c.Spec, err = cloneSpec(s.Spec); err != nil {
			return nil, err
		}
		if s.Previous != nil {
			p, err := cloneSpec(*s.Previous)
			if err != nil {
				return nil, err
			}
			c.Previous = &p
		}
	}
	if s.Group != nil {
		c.Group, err = cloneGroup(s.Group)
	}
	return &c, err
}

func cloneSpec(s stoker.StackSpec) (c stoker.StackSpec, err error) {
	c = s
	c.Files = maps.Clone(s.Files)
	if c.Parameters, err = cloneMap("parameters", s.Parameters); err != nil {
		return c, err
	}
	if c.Environment, err = cloneMap("environment", s.Environment); err != nil {
		return c, err
	}
	c.Restored, err = cloneMap("restored", s.Restored)
	return c, err
}

func cloneGroup(g *stoker.GroupState) (*stoker.GroupState, error) {
	c := *g
	c.CooldownEnd, c.FrozenUntil, c.PauseUntil = utc(g.CooldownEnd), utc(g.FrozenUntil), utc(g.PauseUntil)
	c.Skip, c.Batches = slices.Clone(g.Skip), slices.Clone(g.Batches)
	c.Spec.Remove = slices.Clone(g.Spec.Remove)
	c.Spec.Desired = clonePointer(g.Spec.Desired)
	c.Spec.Rolling = clonePointer(g.Spec.Rolling)
	c.Spec.RollingCreate = clonePointer(g.Spec.RollingCreate)
	var err error
	c.Spec.Member, err = cloneMap("group member", g.Spec.Member)
	c.Spec.Each = slices.Clone(g.Spec.Each)
	for i := range c.Spec.Each {
		if err == nil {
			c.Spec.Each[i].Def, err = cloneMap("group member", c.Spec.Each[i].Def)
		}
	}
	return &c, err
}

func cloneResource(r *stoker.Resource) (*stoker.Resource, error) {
	c := *r
	c.Created, c.Updated = utc(r.Created), utc(r.Updated)
	c.Requires = slices.Clone(r.Requires)
	var err error
	if c.Properties, err = cloneMap("properties", r.Properties); err != nil {
		return nil, err
	}
	if c.Metadata, err = cloneMap("metadata", r.Metadata); err != nil {
		return nil, err
	}
	if c.OldProperties, err = cloneMap("old properties", r.OldProperties); err != nil {
		return nil, err
	}
	if c.OldMetadata, err = cloneMap("old metadata", r.OldMetadata); err != nil {
		return nil, err
	}
	c.Data, err = cloneMap("data", r.Data)
	return &c, err
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

// cloneMap keeps nil and empty maps apart.
func cloneMap(what string, m map[string]any) (map[string]any, error) {
	if m == nil {
		return nil, nil
	}
	v, err := value.Normal(value.Clone(m))
	if err == nil {
		err = finite(v)
	}
	if err != nil {
		return nil, stoker.Errorf(stoker.Invalid, "store %s: %w", what, err)
	}
	return v.(map[string]any), nil
}

// finite refuses the numbers that JSON does not know.
func finite(v any) error {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("number %v has no JSON form", v)
		}
	case []any:
		for _, e := range v {
			if err := finite(e); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, e := range v {
			if err := finite(e); err != nil {
				return err
			}
		}
	}
	return nil
}
