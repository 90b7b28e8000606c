package sqldb

import (
	"context"
	"encoding/json"

	"github.com/stoker-project/stoker"
)

const (
	snapshotColumns = 7
	insertSnapshot  = "INSERT INTO snapshot (id, stack, name, status, reason, created, sealed)"
	replaceSnapshot = "ON CONFLICT (id) DO UPDATE SET name = excluded.name, status = excluded.status, reason = excluded.reason, created = excluded.created, sealed = excluded.sealed"
	snapshotFields  = "SELECT id, stack, name, status, reason, created, "
	fromSnapshot    = " FROM snapshot WHERE stack = ? ORDER BY created, seq"
)

// encodeSnapshots gives the arguments of insertSnapshot.
func (s *Store) encodeSnapshots(list []*stoker.Snapshot) ([]any, error) {
	args := make([]any, 0, len(list)*snapshotColumns)
	for _, x := range list {
		sealed, err := s.sealSnapshot(x)
		if err != nil {
			return nil, err
		}
		name, err := quote(x.Name)
		if err != nil {
			return nil, err
		}
		reason, err := quote(x.StatusReason)
		if err != nil {
			return nil, err
		}
		args = append(args, string(x.ID), string(x.Stack), name, string(x.Status), reason, nanos(x.Created), sealed)
	}
	return args, nil
}

// quote makes any text one that every database keeps: PostgreSQL knows no NUL.
func quote(text string) (string, error) {
	quoted, err := appendString(nil, text)
	return string(quoted), err
}

func (s *Store) sealSnapshot(x *stoker.Snapshot) ([]byte, error) {
	if x.Data == nil {
		return nil, nil
	}
	raw, err := encodeMap("snapshot", x.Data)
	if err != nil {
		return nil, err
	}
	return s.seal(raw, "snapshot", string(x.ID))
}

func (t *tx) putSnapshots(rows []any, drop string) error {
	if err := t.insert(insertSnapshot, snapshotColumns, replaceSnapshot, rows); err != nil {
		return err
	}
	if drop == "null" {
		return nil
	}
	return t.exec("DELETE FROM snapshot WHERE id "+t.w.s.d.inList, drop)
}

// Snapshots gives a stack's snapshots.
func (s *Store) Snapshots(ctx context.Context, stack stoker.StackID, brief bool) ([]*stoker.Snapshot, error) {
	ctx, err := s.reading(ctx)
	if err != nil {
		return nil, err
	}
	sealed := "sealed"
	if brief {
		sealed = "NULL"
	}
	var out []*stoker.Snapshot
	err = s.rows(ctx, snapshotFields+sealed+fromSnapshot, []any{string(stack)}, func(row scanner) error {
		x, err := s.scanSnapshot(row)
		out = append(out, x)
		return err
	})
	return out, s.trouble("list snapshots", err)
}

func (s *Store) scanSnapshot(row scanner) (*stoker.Snapshot, error) {
	x := new(stoker.Snapshot)
	var name, reason string
	var created int64
	var sealed []byte
	if err := row.Scan(&x.ID, &x.Stack, &name, &x.Status, &reason, &created, &sealed); err != nil {
		return nil, err
	}
	x.Created = moment(created)
	err := json.Unmarshal([]byte(name), &x.Name)
	if err == nil {
		err = json.Unmarshal([]byte(reason), &x.StatusReason)
	}
	if err != nil || sealed == nil {
		return x, err
	}
	var raw json.RawMessage
	if err := s.open(sealed, &raw, "snapshot", string(x.ID)); err != nil {
		return nil, err
	}
	x.Data, err = decodeMap(raw)
	return x, err
}
