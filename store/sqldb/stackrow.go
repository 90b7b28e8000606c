package sqldb

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// stackBody is the plain part of a stack that nothing filters by.
type stackBody struct {
	ParentResource  stoker.ResourceName `json:",omitempty"`
	Root            stoker.StackID
	Depth           int `json:",omitempty"`
	Action          stoker.Action
	StatusReason    string        `json:",omitempty"`
	Phase           stoker.Phase  `json:",omitempty"`
	DisableRollback bool          `json:",omitempty"`
	Timeout         time.Duration `json:",omitempty"`
	Owner           string        `json:",omitempty"`
	Updated         int64         `json:",omitempty"`
}

// stackSecret is the sealed part that changes often.
type stackSecret struct {
	Group *groupRow
}

// groupRow holds a group's state, the definitions of its members encoded apart.
type groupRow struct {
	State  stoker.GroupState
	Member json.RawMessage
	Each   []json.RawMessage `json:",omitempty"` // in the order of State.Spec.Each
}

// stackRow is a stack ready to be written, but for its specs, which are sealed
// only when they have changed.
type stackRow struct {
	stack        *stoker.Stack
	tags         string
	body, sealed []byte
	spec         *specRow
	previous     *specRow // nil: none
}

// encodeStack drops what a deleted stack needs no more.
func (s *Store) encodeStack(st *stoker.Stack) (*stackRow, error) {
	row := &stackRow{stack: st}
	spec, previous := st.Spec, st.Previous
	if !st.Deleted.IsZero() && !st.Abandoned() {
		spec.Files, previous = nil, nil
	}
	var err error
	if row.spec, err = s.encodeSpec(&spec); err != nil {
		return nil, err
	}
	if previous != nil {
		if row.previous, err = s.encodeSpec(previous); err != nil {
			return nil, err
		}
	}
	if row.body, err = json.Marshal(stackBody{
		ParentResource: st.ParentResource, Root: st.Root, Depth: st.Depth,
		Action: st.Action, StatusReason: st.StatusReason, Phase: st.Phase,
		DisableRollback: st.DisableRollback, Timeout: st.Timeout, Owner: st.Owner, Updated: nanos(st.Updated),
	}); err != nil {
		return nil, err
	}
	if row.tags, err = encodeTags(st.Tags); err != nil {
		return nil, err
	}
	row.sealed, err = s.sealStack(st)
	return row, err
}

func (s *Store) sealStack(st *stoker.Stack) ([]byte, error) {
	if st.Group == nil {
		return nil, nil
	}
	var secret stackSecret
	var err error
	g := groupRow{State: *st.Group}
	if g.Member, err = encodeMap("group member", g.State.Spec.Member); err != nil {
		return nil, err
	}
	g.State.Spec.Member, g.State.Spec.Each = nil, slices.Clone(g.State.Spec.Each)
	for i := range g.State.Spec.Each {
		m := &g.State.Spec.Each[i]
		def, err := encodeMap("group member", m.Def)
		if err != nil {
			return nil, err
		}
		g.Each, m.Def = append(g.Each, def), nil
	}
	secret.Group = &g
	return s.seal(secret, "stack", string(st.ID))
}

func (s *Store) openStack(st *stoker.Stack, sealed []byte) error {
	if sealed == nil {
		return nil
	}
	var secret stackSecret
	if err := s.open(sealed, &secret, "stack", string(st.ID)); err != nil {
		return err
	}
	var err error
	if g := secret.Group; g != nil {
		st.Group = &g.State
		st.Group.Spec.Member, err = decodeMap(g.Member)
		for i := range g.Each {
			if err == nil {
				st.Group.Spec.Each[i].Def, err = decodeMap(g.Each[i])
			}
		}
		for _, t := range []*time.Time{&g.State.CooldownEnd, &g.State.FrozenUntil, &g.State.PauseUntil} {
			*t = moment(nanos(*t)) // the zone it was written in is of no interest
		}
	}
	return err
}

func (b *stackBody) fill(st *stoker.Stack) {
	st.ParentResource, st.Root, st.Depth = b.ParentResource, b.Root, b.Depth
	st.Action, st.StatusReason, st.Phase = b.Action, b.StatusReason, b.Phase
	st.DisableRollback, st.Timeout, st.Owner = b.DisableRollback, b.Timeout, b.Owner
	st.Updated = moment(b.Updated)
}

// encodeTags gives a JSON list. A tag is in it exactly if its quoted form is: a
// quotation mark within a tag is always escaped.
func encodeTags(tags []string) (string, error) {
	if tags == nil {
		return "null", nil
	}
	list, err := json.Marshal(tags)
	return string(list), err
}

// specRow is a spec, not sealed yet.
type specRow struct {
	spec                    *stoker.StackSpec
	parameters, environment json.RawMessage
	restored                json.RawMessage
	fingerprint             string
}

// specJSON is how a spec is sealed.
type specJSON struct {
	Template    string
	File        string
	Files       map[string]string
	Parameters  json.RawMessage
	Environment json.RawMessage
	Restored    json.RawMessage `json:",omitempty"`
	Admin       bool            `json:",omitempty"`
}

func (s *Store) encodeSpec(spec *stoker.StackSpec) (*specRow, error) {
	row := &specRow{spec: spec}
	var err error
	if row.parameters, err = encodeMap("parameters", spec.Parameters); err != nil {
		return nil, err
	}
	if row.environment, err = encodeMap("environment", spec.Environment); err != nil {
		return nil, err
	}
	if spec.Restored != nil {
		if row.restored, err = encodeMap("restored", spec.Restored); err != nil {
			return nil, err
		}
	}
	h := s.key.Fingerprint()
	part := func(text []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
		h.Write(text)
	}
	part([]byte(spec.Template))
	part([]byte(spec.File))
	part(row.parameters)
	part(row.environment)
	if row.restored != nil {
		part(append([]byte("restored "), row.restored...))
	}
	if spec.Files == nil {
		part([]byte("no files"))
	}
	if spec.Admin {
		part([]byte("of an administrator"))
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Files)) {
		part([]byte(name))
		part([]byte(spec.Files[name]))
	}
	row.fingerprint = hex.EncodeToString(h.Sum(nil)[:16])
	return row, nil
}

func (s *Store) sealSpec(row *specRow, id stoker.StackID) ([]byte, error) {
	return s.seal(specJSON{row.spec.Template, row.spec.File, row.spec.Files, row.parameters, row.environment, row.restored, row.spec.Admin},
		"spec", string(id))
}

func (s *Store) openSpec(sealed []byte, id stoker.StackID) (spec stoker.StackSpec, err error) {
	var j specJSON
	if err = s.open(sealed, &j, "spec", string(id)); err != nil {
		return spec, err
	}
	spec = stoker.StackSpec{Template: j.Template, File: j.File, Files: j.Files, Admin: j.Admin}
	if spec.Parameters, err = decodeMap(j.Parameters); err != nil {
		return spec, err
	}
	if spec.Environment, err = decodeMap(j.Environment); err != nil || j.Restored == nil {
		return spec, err
	}
	spec.Restored, err = decodeMap(j.Restored)
	return spec, err
}

// seal and open tie a blob to its row.
func (s *Store) seal(v any, table, id string) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", table, id, err)
	}
	return s.key.Seal(plain, []byte(table+"/"+id)), nil
}

func (s *Store) open(sealed []byte, v any, table, id string) error {
	plain, err := s.key.Open(sealed, []byte(table+"/"+id))
	if err == nil {
		err = json.Unmarshal(plain, v)
	}
	if err != nil {
		return fmt.Errorf("read %s %s: %w", table, id, err)
	}
	return nil
}
