package sqldb

import (
	"encoding/json"
	"fmt"

	"github.com/stoker-project/stoker"
)

// resourceBody is the plain part of a resource.
type resourceBody struct {
	Type           stoker.TypeName
	Action         stoker.Action
	Status         stoker.Status
	StatusReason   string            `json:",omitempty"`
	PhysicalID     stoker.PhysicalID `json:",omitempty"`
	Requires       []stoker.ResourceName
	DeletionPolicy string            `json:",omitempty"`
	Replaces       stoker.ResourceID `json:",omitempty"`
	Child          stoker.StackID    `json:",omitempty"`
	Hook           string            `json:",omitempty"`
	Updated        int64             `json:",omitempty"`
}

// resourceSecret is the sealed part.
type resourceSecret struct {
	Properties, Metadata, Data json.RawMessage
	OldProperties, OldMetadata json.RawMessage `json:",omitempty"` // of updates only
}

const (
	resourceColumns = 6
	insertResource  = "INSERT INTO resource (id, stack, name, created, body, sealed)"
	replaceResource = "ON CONFLICT (id) DO UPDATE SET name = excluded.name, created = excluded.created, body = excluded.body, sealed = excluded.sealed"
	selectResource  = "SELECT id, stack, name, created, body, sealed FROM resource "
)

// encodeResources gives the arguments of insertResource. Of two records of one
// ID the last counts.
func (s *Store) encodeResources(rs []*stoker.Resource) ([]any, error) {
	last := make(map[stoker.ResourceID]int, len(rs))
	for i, r := range rs {
		last[r.ID] = i
	}
	args := make([]any, 0, len(rs)*resourceColumns)
	for i, r := range rs {
		if last[r.ID] != i {
			continue
		}
		body, sealed, err := s.encodeResource(r)
		if err != nil {
			return nil, err
		}
		args = append(args, string(r.ID), string(r.Stack), string(r.Name), nanos(r.Created), body, sealed)
	}
	return args, nil
}

func (s *Store) encodeResource(r *stoker.Resource) (body, sealed []byte, err error) {
	body, err = json.Marshal(resourceBody{
		Type: r.Type, Action: r.Action, Status: r.Status, StatusReason: r.StatusReason,
		PhysicalID: r.PhysicalID, Requires: r.Requires, DeletionPolicy: r.DeletionPolicy,
		Replaces: r.Replaces, Child: r.Child, Hook: r.Hook, Updated: nanos(r.Updated),
	})
	if err != nil || r.Properties == nil && r.Metadata == nil && r.Data == nil && r.OldProperties == nil && r.OldMetadata == nil {
		return body, nil, err
	}
	var secret resourceSecret
	if secret.Properties, err = encodeMap("properties", r.Properties); err != nil {
		return nil, nil, err
	}
	if secret.Metadata, err = encodeMap("metadata", r.Metadata); err != nil {
		return nil, nil, err
	}
	if secret.Data, err = encodeMap("data", r.Data); err != nil {
		return nil, nil, err
	}
	if err := secret.encodeOld(r); err != nil {
		return nil, nil, err
	}
	sealed, err = s.seal(secret, "resource", string(r.ID))
	return body, sealed, err
}

// encodeOld leaves out what is nil, as it nearly always is.
func (s *resourceSecret) encodeOld(r *stoker.Resource) (err error) {
	if r.OldProperties != nil {
		s.OldProperties, err = encodeMap("old properties", r.OldProperties)
	}
	if err == nil && r.OldMetadata != nil {
		s.OldMetadata, err = encodeMap("old metadata", r.OldMetadata)
	}
	return err
}

// scanner is a row of a result.
type scanner interface{ Scan(into ...any) error }

func (s *Store) scanResource(row scanner) (*stoker.Resource, error) {
	r := new(stoker.Resource)
	var created int64
	var body, sealed []byte
	if err := row.Scan(&r.ID, &r.Stack, &r.Name, &created, &body, &sealed); err != nil {
		return nil, err
	}
	var b resourceBody
	if err := json.Unmarshal(body, &b); err != nil {
		return nil, fmt.Errorf("read resource %s: %w", r.ID, err)
	}
	r.Created, r.Updated = moment(created), moment(b.Updated)
	r.Type, r.Action, r.Status, r.StatusReason = b.Type, b.Action, b.Status, b.StatusReason
	r.PhysicalID, r.Requires, r.DeletionPolicy = b.PhysicalID, b.Requires, b.DeletionPolicy
	r.Replaces, r.Child, r.Hook = b.Replaces, b.Child, b.Hook
	return r, s.openResource(r, sealed)
}

func (s *Store) openResource(r *stoker.Resource, sealed []byte) error {
	if sealed == nil {
		return nil
	}
	var secret resourceSecret
	err := s.open(sealed, &secret, "resource", string(r.ID))
	if err != nil {
		return err
	}
	if r.Properties, err = decodeMap(secret.Properties); err != nil {
		return err
	}
	if r.Metadata, err = decodeMap(secret.Metadata); err != nil {
		return err
	}
	if r.OldProperties, err = decodeMap(secret.OldProperties); err != nil {
		return err
	}
	if r.OldMetadata, err = decodeMap(secret.OldMetadata); err != nil {
		return err
	}
	r.Data, err = decodeMap(secret.Data)
	return err
}
