package app

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	cfnapi "github.com/stoker-project/stoker/api/cfn"
	heatapi "github.com/stoker-project/stoker/api/heat"
	"github.com/stoker-project/stoker/internal/fetch"
	"github.com/stoker-project/stoker/metric/aggregate"
	"github.com/stoker-project/stoker/metric/composite"
	"github.com/stoker-project/stoker/resource/alarm"
	"github.com/stoker-project/stoker/sink/zaqar"
	"github.com/stoker-project/stoker/stack"
)

// actions carries out what alarms are to do.
type actions struct {
	*stack.Engine
	balancer stoker.Balancer
	out      *fetch.Fetcher
	queues   *zaqar.Sink // nil: there are none
}

// HealMembers implements alarm.Actor.
func (a actions) HealMembers(ctx context.Context, project stoker.ProjectID, group stoker.StackID, pool stoker.PoolID, reason string) error {
	g, err := a.Engine.Group(ctx, group)
	if err != nil {
		return err
	}
	if g.Project != project {
		return stoker.Errorf(stoker.NotFound, "there is no group %q", group)
	}
	stats, err := a.balancer.Stats(ctx, pool)
	if err != nil {
		return err
	}
	down := map[string]bool{}
	for _, m := range stats.Members {
		if m.State == stoker.MemberDown {
			down[string(m.ID)] = true
		}
	}
	if len(down) == 0 {
		return nil
	}
	_, err = a.RestartHolders(ctx, group, func(r *stoker.Resource) bool { return down[string(r.ID)] || down[string(r.PhysicalID)] }, reason)
	return err
}

// Post implements alarm.Actor.
func (a actions) Post(ctx context.Context, url string, body map[string]any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return a.out.Post(ctx, url, text)
}

// PostToQueue implements alarm.Actor.
func (a actions) PostToQueue(project stoker.ProjectID, queue, id string, body map[string]any) error {
	if a.queues == nil {
		return stoker.Errorf(stoker.Unavailable, "there is no Zaqar any more to post to")
	}
	return a.queues.Post(project, stoker.SinkTarget{Queue: queue, TTL: time.Hour}, id, body) // Aodh's time
}

// openBoard lets the scaler see alarms beside the groups.
func (a *parts) openBoard() {
	act := actions{a.engine, a.balancer.part, fetch.New(heatapi.MaxTemplate, a.AllowFetch), a.sink}
	a.board = alarm.NewBoard(a.engine, act, a.signalTarget, a.Logger)
	a.happens = alarm.NewEvents(a.board, a.whose, a.Logger)
}

func (a *parts) alarmDeps() alarm.Deps {
	return alarm.Deps{Board: a.board, Events: a.happens, Scalers: a.scaler, Target: a.signalTarget, Properties: a.propertiesOf, Prometheus: a.prom.interval, Queue: a.queue}
}

// whose tells of a stack, also of one that is deleted.
func (a *parts) whose(ctx context.Context, id stoker.StackID) (string, stoker.ProjectID, error) {
	sts, err := a.store.Stacks(ctx, stoker.StackFilter{AllProjects: true, ID: id, Brief: true})
	if err != nil {
		return "", "", err
	}
	if len(sts) == 0 {
		return "", "", stoker.Errorf(stoker.NotFound, "there is no stack %q", id)
	}
	return sts[0].Name, sts[0].Project, nil
}

// signalTarget finds the resource that an address of ours signals. Only those of
// the project that asks are its own: others need what is in the address.
func (a *parts) signalTarget(project stoker.ProjectID, address string) (stoker.StackID, stoker.ResourceName, bool) {
	rest, ours := strings.CutPrefix(address, a.PublicURL+"/")
	if !ours {
		return "", "", false
	}
	rest, _, _ = strings.Cut(rest, "?")
	path, err := url.PathUnescape(rest)
	if err != nil {
		return "", "", false
	}
	if owner, st, r, ok := cfnapi.SignalPath("/" + path); ok {
		return st, r, owner == project
	}
	words := strings.Split(rest, "/") // v1/PROJECT/stacks/NAME/ID/resources/RESOURCE/signal
	if len(words) != 8 || words[0] != "v1" || words[2] != "stacks" || words[5] != "resources" || words[7] != "signal" {
		return "", "", false
	}
	owner, err := url.PathUnescape(words[1])
	if err != nil || stoker.ProjectID(owner) != project {
		return "", "", false
	}
	resource, err := url.PathUnescape(words[6])
	return stoker.StackID(words[4]), stoker.ResourceName(resource), err == nil
}

// sources makes the sources of signals, of several together, and of conditions on them.
func (a *parts) sources() func(stoker.Policy, string, stoker.SignalSpec) (stoker.SignalSource, error) {
	one := a.simpleSources()
	return func(p stoker.Policy, name string, s stoker.SignalSpec) (stoker.SignalSource, error) {
		simple := func(s stoker.SignalSpec) (stoker.SignalSource, error) { return one(p, name, s) }
		several := func(s stoker.SignalSpec) (stoker.SignalSource, error) {
			if s.Source == "aggregate" {
				return aggregate.New(s, simple)
			}
			return simple(s)
		}
		var out stoker.SignalSource
		var err error
		if s.Source == "composite" {
			out, err = composite.New(s, several)
		} else {
			out, err = several(s)
		}
		if err != nil {
			return nil, err
		}
		return a.board.Timed(p.Group, out), nil
	}
}

// simpleSources makes those of one signal. Those of another project's things are
// refused, as if there were none.
func (a *parts) simpleSources() func(stoker.Policy, string, stoker.SignalSpec) (stoker.SignalSource, error) {
	open := sources(a.balancer.part, a.driver.part, a.prom, a.guard)
	return func(p stoker.Policy, name string, s stoker.SignalSpec) (stoker.SignalSource, error) {
		ctx, cancel := context.WithTimeout(a.life.ctx, 10*time.Second)
		defer cancel()
		if s.Group != "" {
			g, err := a.engine.Group(ctx, s.Group)
			if err == nil && g.Project != p.Project {
				err = stoker.Errorf(stoker.NotFound, "there is no group %q", s.Group)
			}
			if err != nil {
				return nil, err
			}
		}
		if s.Pool != "" {
			owner, err := a.engine.Owner(ctx, stoker.ResourceID(s.Pool))
			if err == nil && owner != p.Project {
				err = stoker.Errorf(stoker.NotFound, "there is no pool %q", s.Pool)
			}
			if err != nil {
				return nil, err
			}
		}
		return open(p, name, s)
	}
}

func (a *parts) propertiesOf(ctx context.Context, st stoker.StackID, r stoker.ResourceName) (map[string]any, error) {
	v, err := a.engine.Resource(ctx, st, r)
	if err != nil {
		return nil, err
	}
	return v.Properties, nil
}
