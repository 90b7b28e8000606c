package heat

import (
	"context"
	"maps"
	"net/http"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/value"
	"github.com/stoker-project/stoker/stack"
)

// snapshot is a snapshot as it is shown.
type snapshot struct {
	ID           stoker.SnapshotID `json:"id"`
	Name         *string           `json:"name"`
	Status       stoker.Status     `json:"status"`
	StatusReason *string           `json:"status_reason"`
	Data         map[string]any    `json:"data"`
	Created      *string           `json:"creation_time"`
}

func (s *server) snapshotOf(x *stoker.Snapshot) (snapshot, error) {
	out := snapshot{ID: x.ID, Name: orNull(x.Name), Status: x.Status, StatusReason: orNull(x.StatusReason), Created: moment(x.Created)}
	if x.Data == nil || x.Status != stoker.StatusComplete {
		return out, nil
	}
	data := value.CloneMap(x.Data)
	spec := stack.Exported(data)
	var err error
	data["template"], err = s.rawTemplate(spec)
	data["environment"] = s.environmentOf(spec)
	resources, _ := data["resources"].(map[string]any)
	kept := s.engine.Kept(x.Data)
	for name, r := range resources {
		if r, ok := r.(map[string]any); ok {
			// What types remember for themselves may hold what is shown nowhere.
			told := map[string]any{}
			maps.Copy(told, kept[stoker.ResourceName(name)])
			r["resource_data"] = told
			delete(r, "kept")
		}
	}
	out.Data = data
	return out, err
}

// inSnapshot is the stack and the snapshot in the path of a request.
func (s *server) inSnapshot(ctx context.Context, c *call) (*stoker.Stack, stoker.SnapshotID, error) {
	st, err := s.stackOf(ctx, c)
	return st, stoker.SnapshotID(c.PathValue("snapshot")), err
}

func (s *server) listSnapshots(ctx context.Context, c *call) (reply, error) {
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return reply{}, err
	}
	list, err := s.engine.Snapshots(ctx, st.ID)
	out := make([]snapshot, len(list))
	for i, x := range list {
		if err == nil {
			out[i], err = s.snapshotOf(x)
		}
	}
	return reply{body: map[string]any{"snapshots": out}}, err
}

func (s *server) showSnapshot(ctx context.Context, c *call) (reply, error) {
	st, id, err := s.inSnapshot(ctx, c)
	if err != nil {
		return reply{}, err
	}
	x, err := s.engine.SnapshotOf(ctx, st, id)
	if err != nil {
		return reply{}, err
	}
	out, err := s.snapshotOf(x)
	return reply{body: map[string]any{"snapshot": out}}, err
}

// createSnapshot answers, as Heat does, without a word around the snapshot.
func (s *server) createSnapshot(ctx context.Context, c *call) (reply, error) {
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return reply{}, err
	}
	var body struct {
		Name string `json:"name"`
	}
	if err := s.decodeInto(c, &body); err != nil {
		return reply{}, err
	}
	x, err := s.engine.Snapshot(ctx, st.ID, body.Name)
	if err != nil {
		return reply{}, err
	}
	out, err := s.snapshotOf(x)
	return reply{body: out}, err
}

func (s *server) deleteSnapshot(ctx context.Context, c *call) (reply, error) {
	st, id, err := s.inSnapshot(ctx, c)
	if err == nil {
		err = s.engine.DeleteSnapshot(ctx, st, id)
	}
	return reply{status: http.StatusNoContent}, err
}

func (s *server) restoreSnapshot(ctx context.Context, c *call) (reply, error) {
	st, id, err := s.inSnapshot(ctx, c)
	if err == nil {
		err = s.engine.Restore(ctx, st, id, c.grant.Admin)
	}
	return reply{status: http.StatusAccepted}, err
}
