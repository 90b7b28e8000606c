package app

import (
	"context"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	cfnapi "github.com/stoker-project/stoker/api/cfn"
	heatapi "github.com/stoker-project/stoker/api/heat"
	"github.com/stoker-project/stoker/dialect/cfn"
	"github.com/stoker-project/stoker/internal/fetch"
	"github.com/stoker-project/stoker/internal/token"
	"github.com/stoker-project/stoker/internal/typepolicy"
	"github.com/stoker-project/stoker/resource/alarm"
	"github.com/stoker-project/stoker/resource/aws"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/resource/known"
	"github.com/stoker-project/stoker/resource/native"
	"github.com/stoker-project/stoker/resource/openstack"
	"github.com/stoker-project/stoker/scale"
	"github.com/stoker-project/stoker/stack"
)

// startEngines makes the two engines, each of which uses the other, and runs
// them. The scaler runs from when the stacks are there until before they go.
func (a *parts) startEngines() error {
	a.metrics = newMetrics()
	a.engine = stack.New(stack.Config{
		Store: a.store, Logger: a.Logger, Holder: a.holder(), Parse: cfn.Parse, Limits: a.Limits.limits(), OnEvent: a.onEvent, Sink: a.openSink(),
		Allow: typepolicy.Default().With(a.ResourceTypes).Allow,
	})
	var err error
	if a.prom, err = newProm(a.Prometheus); err != nil {
		return err
	}
	a.regions = newRegions(a.Config.Regions, a.Logger)
	a.openBoard()
	a.scaler = scale.New(scale.Config{
		Store: a.store, Groups: a.board, Sources: a.sources(), Logger: a.Logger, OnDecision: a.metrics.decision,
	})
	a.register()
	ready := make(chan struct{})
	a.life.run("engine", func(ctx context.Context) error { return a.engine.Run(ctx, ready) })
	select {
	case <-ready:
	case <-a.life.ctx.Done():
		return context.Cause(a.life.ctx)
	}
	a.life.run("scaler", a.scaler.Run)
	a.life.run("events", a.happens.Run)
	a.life.run("purge", a.purge)
	return nil
}

func (a *parts) onEvent(ev *stoker.Event) {
	a.metrics.event(ev)
	a.happens.Note(ev)
}

// holder names this engine in leases: the same after a restart, and different
// from all others that share the store.
func (a *parts) holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return host + ":" + a.Data
}

// register makes all resource types known. Those that have a driver take the
// place of those that are known by their schemas only.
func (a *parts) register() {
	a.engine.Register(known.Types())
	ofHeat := heat.Types(heat.Deps{
		Groups: a.engine, Data: a.engine, Stacks: standing{a.engine}, Regions: a.regions.at, Handed: a.engine.Handed, Restarter: a.engine, Region: a.region(), SignalURL: a.signalURL, AlarmURL: a.alarmURL, HandleURL: a.handleURL, Polling: a.polling, Token: a.signalToken,
	})
	ofNova := openstack.Types(openstack.Deps{
		Driver: a.driver.part, Flavors: flavor(flavors(a.Config)), Data: a.engine, Grace: a.grace(),
		Balancer: a.balancer.part, External: a.External.external(), Logger: a.Logger, Keys: a.Config.Keys, Project: a.project,
	})
	a.engine.Register(ofHeat)
	a.engine.Register(ofNova)
	a.engine.Register(aws.Types(a.awsDeps(ofHeat, ofNova)))
	a.engine.Register(native.Types(native.Deps{
		Balancer: a.balancer.part, Scalers: a.scaler, Driver: a.driver.part, CheckPolicy: scale.Validate, Owner: a.engine.Owner,
	}))
	a.engine.Register(alarm.Types(a.alarmDeps()))
}

// awsDeps are the types that AWS's are translated to.
func (a *parts) awsDeps(ofHeat, ofNova map[stoker.TypeName]stoker.ResourceType) aws.Deps {
	return aws.Deps{
		Server:        ofNova["OS::Nova::Server"].(aws.Server),
		InstanceGroup: ofHeat["OS::Heat::InstanceGroup"].(aws.InstanceGroup),
		ScalingPolicy: ofHeat["OS::Heat::ScalingPolicy"].(aws.Policy),
		WaitCondition: ofHeat["OS::Heat::WaitCondition"].(aws.Condition),
		WaitHandle:    ofHeat["OS::Heat::WaitConditionHandle"].(aws.Handle),
		Stack:         ofHeat["OS::Heat::Stack"].(aws.Stack),
		Fetch:         fetch.New(heatapi.MaxTemplate, a.AllowFetch).Get,
		Data:          a.engine,
		SignalURL:     a.alarmURL,
		HandleURL:     a.handleURL,
	}
}

// signalURL is where a resource takes signals, with a token.
func (a *parts) signalURL(st stoker.StackRef, r stoker.ResourceName) string {
	return strings.Join([]string{a.PublicURL, "v1", url.PathEscape(string(st.Project)), "stacks",
		url.PathEscape(st.Name), string(st.ID), "resources", url.PathEscape(string(r)), "signal"}, "/")
}

// alarmURL takes signals without a token, because it is signed.
func (a *parts) alarmURL(st stoker.StackRef, r stoker.ResourceName) string {
	return cfnapi.SignalURL(a.PublicURL, a.signalKey, st, r)
}

// handleURL is the same for handles of wait conditions.
func (a *parts) handleURL(st stoker.StackRef, r stoker.ResourceName) string {
	return cfnapi.WaitURL(a.PublicURL, a.signalKey, st, r)
}

// polling is how an agent in a server asks for the metadata of a resource.
func (a *parts) polling(st stoker.StackRef, r stoker.ResourceName) heat.Polling {
	access, secret, arn := cfnapi.PollKey(a.signalKey, st, r)
	return heat.Polling{URL: cfnapi.PollURL(a.PublicURL, a.signalKey, st, r), Endpoint: a.PublicURL + "/v1/", Access: access, Secret: secret, Stack: arn}
}

func (a *parts) signalToken(st stoker.StackRef, r stoker.ResourceName) string {
	return token.Sign(a.signalKey, string(st.Project), string(st.ID), string(r))
}

// purge removes what is left of stacks that were deleted long ago, now and then.
func (a *parts) purge(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if n, err := a.store.Purge(ctx, time.Now().Add(-a.Store.KeepDeleted)); err != nil && ctx.Err() == nil {
			a.Logger.Warn("purge deleted stacks", "err", err)
		} else if n > 0 {
			a.Logger.Info("purged deleted stacks", "count", n)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
