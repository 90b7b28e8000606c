package heatschema

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/value"
)

// tableText is a JSON object of rows by type, one to a line. The keys are short,
// because they come a few thousand times.
//
//go:embed table.json
var tableText []byte

// row is a type.
type row struct {
	Properties map[string]*property `json:"p,omitempty"`
	Attributes map[string]string    `json:"a,omitempty"` // their types; empty: any
	Policy     map[string]*property `json:"u,omitempty"` // update_policy
}

type property struct {
	Type        stoker.PropertyType  `json:"t"`
	Required    bool                 `json:"r,omitempty"`
	Update      bool                 `json:"u,omitempty"`
	Immutable   bool                 `json:"i,omitempty"`
	Hidden      bool                 `json:"h,omitempty"`
	Missing     bool                 `json:"m,omitempty"` // listed, but not implemented
	Default     json.RawMessage      `json:"d,omitempty"`
	Constraints []constraint         `json:"c,omitempty"`
	Fields      map[string]*property `json:"f,omitempty"`
	Items       *property            `json:"e,omitempty"`
}

// constraint has one part.
type constraint struct {
	Range   *[2]*float64 `json:"range,omitempty"`
	Length  *[2]*float64 `json:"length,omitempty"`
	Allowed []any        `json:"allowed,omitempty"`
	Pattern string       `json:"pattern,omitempty"`
	Custom  string       `json:"custom,omitempty"`
}

func (r row) schema() (*stoker.Schema, error) {
	out := &stoker.Schema{Attributes: map[string]*stoker.Attribute{}}
	for a, t := range r.Attributes {
		out.Attributes[a] = &stoker.Attribute{Type: stoker.PropertyType(t)}
	}
	var err error
	if out.Properties, err = properties(r.Properties); err != nil {
		return nil, err
	}
	if len(r.Policy) > 0 {
		out.UpdatePolicy, err = properties(r.Policy)
	}
	return out, err
}

func properties(rows map[string]*property) (map[string]*stoker.Property, error) {
	out := make(map[string]*stoker.Property, len(rows))
	for name, r := range rows {
		p, err := r.property()
		if err != nil {
			return nil, fmt.Errorf("property %s: %w", name, err)
		}
		out[name] = p
	}
	return out, nil
}

func (r *property) property() (p *stoker.Property, err error) {
	p = &stoker.Property{Type: r.Type, Required: r.Required, Update: r.Update, Immutable: r.Immutable, Hidden: r.Hidden}
	if len(r.Default) > 0 {
		if p.Default, err = value.Decode(r.Default); err != nil {
			return nil, err
		}
	}
	for _, c := range r.Constraints {
		k, err := c.constraint()
		if err != nil {
			return nil, err
		}
		p.Constraints = append(p.Constraints, k)
	}
	if len(r.Fields) > 0 {
		if p.Fields, err = properties(r.Fields); err != nil {
			return nil, err
		}
	}
	if r.Items != nil {
		p.Items, err = r.Items.property()
	}
	return p, err
}

func (c constraint) constraint() (stoker.Constraint, error) {
	out := stoker.Constraint{Range: bounds(c.Range), Length: bounds(c.Length), Pattern: c.Pattern, Custom: c.Custom}
	if c.Allowed != nil {
		values, err := value.Normal(c.Allowed)
		if err != nil {
			return out, err
		}
		out.AllowedValues, _ = values.([]any)
		for i, v := range out.AllowedValues {
			out.AllowedValues[i] = whole(v)
		}
	}
	return out, nil
}

// whole undoes that encoding/json reads every number as a float.
func whole(v any) any {
	if f, ok := v.(float64); ok && f == float64(int64(f)) {
		return int64(f)
	}
	return v
}

func bounds(b *[2]*float64) *stoker.Range {
	if b == nil {
		return nil
	}
	return &stoker.Range{Min: b[0], Max: b[1]}
}
