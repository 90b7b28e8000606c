// Package alarm holds the types of alarms that templates of Heat scale on: those of
// Aodh, of the old Ceilometer and of CloudWatch. An alarm is a threshold rule of the
// scaler whose outcome is a signal to policies instead of a size: no Ceilometer, no
// Gnocchi and no agent is needed.
//
// It measures nothing and evaluates nothing; that is done by the parts in Deps. What
// they cannot measure is refused, with a list of what they can. It starts no goroutine.
package alarm

import (
	"context"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/heatschema"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// Deps is what the types need of the rest of the house.
type Deps struct {
	Board   *Board
	Events  *Events
	Scalers Scalers
	// Target finds the resource that an address of an action signals; false when the
	// address is not one of ours, or is of another project.
	Target func(project stoker.ProjectID, url string) (stoker.StackID, stoker.ResourceName, bool)
	// Properties gives those of a resource, for the group that a policy scales.
	Properties func(ctx context.Context, stack stoker.StackID, resource stoker.ResourceName) (map[string]any, error)
	// Prometheus tells how often the Prometheus server is asked, or why a project may not
	// ask it.
	Prometheus func(stoker.ProjectID) (time.Duration, error)
	// Queue tells why a project's alarms may not post to a queue; nil if they may.
	Queue func(project stoker.ProjectID, name string) error
}

// Scalers runs policies.
type Scalers interface {
	// Put starts a scaler or changes a running one; harmless when repeated.
	Put(ctx context.Context, p stoker.Policy) error
	// Remove ends a scaler; nil when there is none.
	Remove(ctx context.Context, id stoker.ScalerID) error
}

// Types gives the types by their names. The old names, that Heat's own environment
// maps to Aodh's, are hidden.
func Types(d Deps) map[stoker.TypeName]stoker.ResourceType {
	table := heatschema.Read()
	of := func(name stoker.TypeName, description string, read func(request.Values) reading) alarm {
		s := table.Describe(name, description, texts(name), commonTexts())
		for _, p := range s.Properties {
			if p.Type == stoker.TypeBoolean && p.Default == "true" { // as Heat spells it
				p.Default = true
			}
		}
		return alarm{schema.Fix(s), read, d}
	}
	old := func(a alarm) alarm { return alarm{a.Hide(), a.read, d} }
	aodh := of("OS::Aodh::Alarm", "Signals when a meter passes a threshold for a number of periods.", readAodh)
	watch := of("AWS::CloudWatch::Alarm", "Signals when a metric passes a threshold for a number of periods.", readCloudWatch)
	byResources := of("OS::Aodh::GnocchiAggregationByResourcesAlarm",
		"Signals when a metric, taken over several servers, passes a threshold for a number of periods.", readGnocchi)
	ofOne := of("OS::Aodh::GnocchiResourcesAlarm", "Signals when a metric of one thing passes a threshold for a number of periods.", readGnocchi)
	byMetrics := of("OS::Aodh::GnocchiAggregationByMetricsAlarm",
		"Signals when the mean, sum, least or greatest of several metrics passes a threshold for a number of periods.", readByMetrics)
	happens := of("OS::Aodh::EventAlarm", "Signals when something happens to a stack, a server or a volume.", nil)
	return map[stoker.TypeName]stoker.ResourceType{
		"OS::Aodh::EventAlarm":                               eventAlarm{happens.Fixed, d},
		"OS::Aodh::Alarm":                                    aodh,
		"OS::Ceilometer::Alarm":                              old(aodh),
		"OS::Metering::Alarm":                                old(aodh),
		"OS::Aodh::GnocchiAggregationByResourcesAlarm":       byResources,
		"OS::Ceilometer::GnocchiAggregationByResourcesAlarm": old(byResources),
		"OS::Aodh::GnocchiResourcesAlarm":                    ofOne,
		"OS::Ceilometer::GnocchiResourcesAlarm":              old(ofOne),
		"OS::Aodh::GnocchiAggregationByMetricsAlarm":         byMetrics,
		"OS::Ceilometer::GnocchiAggregationByMetricsAlarm":   old(byMetrics),
		"OS::Aodh::CompositeAlarm": of("OS::Aodh::CompositeAlarm",
			"Signals when several thresholds, joined by and and or, are passed.", readComposite),
		"OS::Aodh::PrometheusAlarm": of("OS::Aodh::PrometheusAlarm",
			"Signals when the value of a query to Prometheus passes a threshold.", readPrometheus),
		"OS::Aodh::LBMemberHealthAlarm": of("OS::Aodh::LBMemberHealthAlarm",
			"Has a group replace the members that are down in a load balancer's pool.", readMemberHealth),
		"AWS::CloudWatch::Alarm": watch,
		"OS::Heat::CWLiteAlarm":  old(watch),
	}
}

// alarm is a type of alarms. Its scaler's ID is its ResourceID.
type alarm struct {
	schema.Fixed
	read func(request.Values) reading
	d    Deps
}

var (
	_ stoker.Updater    = alarm{}
	_ stoker.Resumer    = alarm{}
	_ stoker.Abandoner  = alarm{}
	_ stoker.Attributer = alarm{}
	_ stoker.Validator  = alarm{}
)

// Validate refuses what cannot be measured or done.
func (a alarm) Validate(req *stoker.Request) error {
	r := a.read(req.Properties)
	if r.metric == "" {
		return nil // not known yet
	}
	if err := a.d.postable(req.Stack.Project, &r); err != nil {
		return err
	}
	if r.parts == nil {
		_, err := a.rule(req.Stack.Project, &r)
		return err
	}
	if err := r.supported(); err != nil {
		return err
	}
	return r.parts.each(func(leaf *reading) error {
		_, err := a.rule(req.Stack.Project, leaf)
		return err
	})
}

// Create starts the evaluation. One that is not enabled is only there.
func (a alarm) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	made := stoker.Result{PhysicalID: stoker.PhysicalID(req.ID)}
	r := a.read(req.Properties)
	if !r.enabled {
		return made, a.stop(ctx, req)
	}
	p, err := a.policy(ctx, req, r)
	if err != nil {
		return made, err
	}
	a.d.Board.put(p, r)
	return made, a.d.Scalers.Put(ctx, p)
}

// Update gives the running evaluation its new rule; what it has seen stays.
func (a alarm) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return a.Create(ctx, req)
}

// Resume starts the evaluation again in a new process. The alarm is not raised then.
func (a alarm) Resume(ctx context.Context, req *stoker.Request) error {
	_, err := a.Create(ctx, req)
	return err
}

// Abandon ends the evaluation.
func (a alarm) Abandon(ctx context.Context, req *stoker.Request) error { return a.stop(ctx, req) }

func (a alarm) Delete(ctx context.Context, req *stoker.Request) error { return a.stop(ctx, req) }

func (a alarm) stop(ctx context.Context, req *stoker.Request) error {
	if err := a.d.Scalers.Remove(ctx, stoker.ScalerID(req.ID)); err != nil {
		return err
	}
	a.d.Board.remove(boardID(req.ID))
	return nil
}

func (alarm) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	if name == "show" {
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

// policy makes the scaler of an alarm.
func (a alarm) policy(ctx context.Context, req *stoker.Request, r reading) (stoker.Policy, error) {
	rule, err := a.wanted(ctx, req, &r)
	if err != nil {
		return stoker.Policy{}, err
	}
	return stoker.Policy{
		ID: stoker.ScalerID(req.ID), Name: req.Stack.Name + "/" + string(req.Name), Project: req.Stack.Project, Admin: req.Stack.Admin,
		Group: boardID(req.ID), Interval: rule.period, UpCooldown: rule.again, Signals: map[string]stoker.SignalSpec{r.metric: rule.spec},
		Rules: []stoker.Rule{ // two, because they leave no room between them
			{Kind: stoker.RuleThreshold, Signal: r.metric, High: rule.high, UpAfter: rule.periods},
			{Kind: stoker.RuleThreshold, Signal: r.metric, Low: rule.low, DownAfter: rule.periods},
		},
	}, nil
}

// wanted is the rule of an alarm, with all that its signal needs.
func (a alarm) wanted(ctx context.Context, req *stoker.Request, r *reading) (rule, error) {
	if err := a.d.postable(req.Stack.Project, r); err != nil {
		return rule{}, err
	}
	if r.parts != nil {
		if err := r.supported(); err != nil {
			return rule{}, err
		}
		return a.composed(ctx, req, r.parts)
	}
	out, err := a.rule(req.Stack.Project, r)
	if err != nil {
		return rule{}, err
	}
	switch {
	case out.spec.Source == "cpu":
		out.spec.Group, err = a.watched(ctx, req, r)
	case out.spec.Source == "balancer" && out.spec.Pool == "":
		err = refused(r.at.pool, r.metric+" is measured at a load balancer, and none is named", "Give get_resource of a Stoker::LoadBalancer under the name pool.")
	case out.spec.Source == "balancer":
		out.spec.Group = stoker.StackID(r.group) // has it looked for
	}
	return out, err
}

// rule is that of a simple alarm, or of a part of a composite one.
func (a alarm) rule(project stoker.ProjectID, r *reading) (rule, error) {
	if r.query != "" {
		period, err := a.d.Prometheus(project)
		if err != nil {
			return rule{}, inProperty(r.at.metric, err)
		}
		r.period = period
	}
	return r.rule()
}

// watched is the group whose servers are measured: the one that is named, or
// the one that the first policy among the actions scales.
func (a alarm) watched(ctx context.Context, req *stoker.Request, r *reading) (stoker.StackID, error) {
	if r.group != "" {
		return stoker.StackID(r.group), nil
	}
	for _, url := range append(r.onAlarm, r.onOK...) {
		stack, resource, ours := a.d.Target(req.Stack.Project, url)
		if !ours {
			continue
		}
		props, err := a.d.Properties(ctx, stack, resource)
		if err != nil {
			return "", err
		}
		for _, name := range []string{"auto_scaling_group_id", "AutoScalingGroupName"} {
			if id := request.Values(props).String(name); id != "" {
				return stoker.StackID(id), nil
			}
		}
	}
	return "", refused(r.at.actions, "it is not known whose servers are to be measured: none of the actions is the address of a scaling policy",
		"Give alarm_url or signal_url of a policy, whose group is measured then.")
}

func refused(property, what, hint string) error {
	e := &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Message: what, Hint: hint}
	if property != "" {
		e.Path = "properties." + property
	}
	return e
}

// inProperty says which property is at fault.
func inProperty(name string, err error) error {
	e, ok := stoker.AsError(err)
	if !ok {
		return err
	}
	out := *e
	out.Type, out.Path = "StackValidationFailed", "properties."+name
	return &out
}
