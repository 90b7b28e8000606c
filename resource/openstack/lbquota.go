package openstack

import (
	"context"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/octavia"
	"github.com/stoker-project/stoker/internal/request"
)

// lbQuota is OS::Octavia::Quota: how many load balancers, and what belongs to them, a
// project may have.
type lbQuota struct{ balancing }

var (
	_ stoker.Updater    = lbQuota{}
	_ stoker.Resumer    = lbQuota{}
	_ stoker.Attributer = lbQuota{}
	_ stoker.Refuser    = lbQuota{}
)

func (q lbQuota) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	name, err := required(req.Properties, "project")
	if err == nil {
		err = bounds(req.Properties)
	}
	if err != nil {
		return stoker.Result{}, err
	}
	of, err := q.project(name)
	if err != nil {
		return stoker.Result{}, in("project", err)
	}
	q.put(req, of)
	return stoker.Result{PhysicalID: stoker.PhysicalID(nameOf(req)), Data: map[string]any{"project": string(of)}}, nil
}

func (q lbQuota) put(req *stoker.Request, of stoker.ProjectID) {
	v := request.Values(req.Properties)
	made := octavia.Quota{Object: object(req), Of: of, Most: map[octavia.Counted]int{}}
	for _, k := range octavia.CountedKinds() {
		if v.Has(string(k)) {
			made.Most[k] = v.Int(string(k))
		}
	}
	q.lbs.PutQuota(made)
}

func (q lbQuota) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	if err := bounds(req.Properties); err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{}, q.Resume(ctx, req)
}

func (q lbQuota) Resume(_ context.Context, req *stoker.Request) error {
	q.put(req, stoker.ProjectID(request.Values(req.Data).String("project")))
	return nil
}

func (q lbQuota) Delete(_ context.Context, req *stoker.Request) error {
	q.lbs.Remove(idOf(req))
	return nil
}

// bounds says in Heat's words that nothing is bounded. Before everything is known nobody
// can tell.
func bounds(v request.Values) error {
	var names []string
	for _, k := range octavia.CountedKinds() {
		if v.Has(string(k)) {
			return nil
		}
		names = append(names, string(k))
	}
	return unfit("At least one of the following properties must be specified: " + strings.Join(names, ", ") + ".")
}

func (q lbQuota) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	v := request.Values(req.Properties)
	shown := map[string]any{"project_id": request.Values(req.Data).String("project")}
	for _, k := range octavia.CountedKinds() {
		shown[string(k)] = int64(v.IntOr(string(k), -1))
	}
	return attributes(req, shown, name)
}
