package alarm_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/metric/composite"
	"github.com/stoker-project/stoker/resource/alarm"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/scale"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// load is a signal that a test sets.
type load struct {
	mu    sync.Mutex
	value float64
	err   error
}

func (l *load) set(v float64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.value, l.err = v, err
}

func (l *load) Read(context.Context) (stoker.Sample, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return stoker.Sample{Value: l.value, Time: time.Now()}, l.err
}

// actor signals resources of a real engine, and remembers what goes elsewhere.
type actor struct {
	*stack.Engine
	mu     sync.Mutex
	posted []string
	err    error
}

func (a *actor) Post(_ context.Context, url string, body map[string]any) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.posted = append(a.posted, url+" "+body["previous"].(string)+" "+body["current"].(string))
	return a.err
}

// PostToQueue remembers too.
func (a *actor) PostToQueue(project stoker.ProjectID, queue, id string, body map[string]any) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if id == "" || body["alarm_id"] != id || body["severity"] == nil {
		return stoker.Errorf(stoker.Internal, "unexpected alarm %q: %v", id, body)
	}
	a.posted = append(a.posted, string(project)+"/"+queue+" "+body["previous"].(string)+" "+body["current"].(string))
	return a.err
}

// HealMembers remembers too.
func (a *actor) HealMembers(_ context.Context, project stoker.ProjectID, _ stoker.StackID, pool stoker.PoolID, _ string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.posted = append(a.posted, "heal "+string(project)+" "+string(pool))
	return a.err
}

func (a *actor) posts() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.posted, ", ")
}

const template = `
heat_template_version: 2018-08-31
resources:
  group:
    type: OS::Heat::AutoScalingGroup
    properties: {min_size: 1, max_size: 5, resource: {type: OS::Heat::RandomString}}
  up:
    type: OS::Heat::ScalingPolicy
    properties: {adjustment_type: change_in_capacity, auto_scaling_group_id: {get_resource: group}, scaling_adjustment: 1}
  down:
    type: OS::Heat::ScalingPolicy
    properties: {adjustment_type: change_in_capacity, auto_scaling_group_id: {get_resource: group}, scaling_adjustment: -1}
  high:
    type: OS::Aodh::GnocchiAggregationByResourcesAlarm
    properties:
      metric: cpu_util
      aggregation_method: mean
      granularity: 60
      evaluation_periods: 2
      threshold: 50
      comparison_operator: gt
      resource_type: instance
      query: '{"=": {"server_group": "x"}}'
      alarm_actions: [{str_replace: {template: trust+URL, params: {URL: {get_attr: [up, signal_url]}}}}, "http://elsewhere/"]
      ok_actions: ["http://elsewhere/"]
  low:
    type: OS::Ceilometer::Alarm
    properties:
      meter_name: cpu_util
      statistic: avg
      period: 60
      evaluation_periods: 3
      threshold: 15
      comparison_operator: lt
      repeat_actions: %REPEAT%
      alarm_actions: [{get_attr: [down, alarm_url]}]
outputs:
  size: {value: {get_attr: [group, current_size]}}
`

// story is a real engine of stacks and a real scaler in a bubble.
type story struct {
	t     *testing.T
	e     *stack.Engine
	load  *load
	queue *load
	actor *actor
	id    stoker.StackID
}

func tell(t *testing.T, repeat string, f func(s *story)) {
	tellOf(t, strings.Replace(template, "%REPEAT%", repeat, 1), f)
}

func tellOf(t *testing.T, template string, f func(s *story)) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		var events *alarm.Events
		e := stack.New(stack.Config{Store: store, OnEvent: func(ev *stoker.Event) { events.Note(ev) }})
		s := &story{t: t, e: e, load: &load{}, queue: &load{}, actor: &actor{Engine: e}}
		url := func(st stoker.StackRef, r stoker.ResourceName) string {
			return "http://stoker/" + string(st.Project) + "/" + string(st.ID) + "/" + string(r)
		}
		find := func(project stoker.ProjectID, url string) (stoker.StackID, stoker.ResourceName, bool) {
			w := strings.Split(url, "/")
			if len(w) != 6 || w[3] != string(project) {
				return "", "", false
			}
			return stoker.StackID(w[4]), stoker.ResourceName(w[5]), true
		}
		board := alarm.NewBoard(e, s.actor, find, nil)
		events = alarm.NewEvents(board, func(ctx context.Context, id stoker.StackID) (string, stoker.ProjectID, error) {
			sts, err := e.Stacks(ctx, stoker.StackFilter{AllProjects: true, ID: id})
			if err != nil || len(sts) != 1 {
				return "", "", errors.Join(err, errors.New("no stack"))
			}
			return sts[0].Name, sts[0].Project, nil
		}, nil)
		one := func(spec stoker.SignalSpec) (stoker.SignalSource, error) {
			if spec.Source == "balancer" {
				return s.queue, nil
			}
			if _, err := e.Group(t.Context(), spec.Group); err != nil {
				t.Errorf("the signal is of %+v: %v", spec, err)
			}
			return s.load, nil
		}
		scaler := scale.New(scale.Config{Store: store, Groups: board, Sources: func(p stoker.Policy, _ string, spec stoker.SignalSpec) (stoker.SignalSource, error) {
			if spec.Source == "composite" {
				return composite.New(spec, one)
			}
			out, err := one(spec)
			return board.Timed(p.Group, out), err
		}})
		e.Register(heat.Types(heat.Deps{Groups: e, Data: e, SignalURL: url}))
		e.Register(alarm.Types(alarm.Deps{Board: board, Events: events, Scalers: scaler, Target: find,
			Queue: func(stoker.ProjectID, string) error { return nil },
			Properties: func(ctx context.Context, st stoker.StackID, r stoker.ResourceName) (map[string]any, error) {
				v, err := e.Resource(ctx, st, r)
				if err != nil {
					return nil, err
				}
				return v.Properties, nil
			}}))
		ctx, cancel := context.WithCancel(context.Background())
		ready, ended := make(chan struct{}), make(chan error, 3)
		go func() { ended <- e.Run(ctx, ready) }()
		<-ready
		go func() { ended <- scaler.Run(ctx) }()
		go func() { ended <- events.Run(ctx) }()
		defer func() { cancel(); <-ended; <-ended; <-ended }()
		in := stack.Input{Name: "shop", Project: "p", DisableRollback: true}
		in.Spec.Template = template
		s.load.set(30, nil)
		st, err := e.Create(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		s.id = st.ID
		if st, err = e.Await(t.Context(), s.id); err != nil || st.State() != "CREATE_COMPLETE" {
			t.Fatalf("the stack is %s: %s, %v", st.State(), st.StatusReason, err)
		}
		f(s)
	})
}

// after lets minutes go by, and gives the size of the group then.
func (s *story) after(minutes int) any {
	s.t.Helper()
	s.pause(time.Duration(minutes) * time.Minute)
	v, err := s.e.Show(s.t.Context(), s.id)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(v.Outputs) == 0 {
		return nil // deleted
	}
	return v.Outputs[0].Value
}

func (s *story) pause(d time.Duration) {
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	defer cancel()
	<-ctx.Done()
	synctest.Wait()
}

func (s *story) want(what string, got, want any) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// TestScalingByAlarms goes up while the load is high, down while it is low, and
// does nothing for a load between the thresholds.
func TestScalingByAlarms(t *testing.T) {
	tell(t, "true", func(s *story) {
		s.want("a load between", s.after(10), int64(1))
		s.load.set(80, nil)
		s.want("one period is not enough", s.after(1), int64(1))
		s.want("two periods", s.after(2), int64(2))
		s.want("and again after two more", s.after(2), int64(3))
		s.want("at the maximum", s.after(20), int64(5))
		s.load.set(30, nil)
		s.after(5)
		if got := s.actor.posts(); !strings.HasPrefix(got, "http://elsewhere/ ok alarm, http://elsewhere/ alarm alarm") || !strings.HasSuffix(got, "alarm alarm, http://elsewhere/ alarm ok") {
			t.Errorf("got posts %s", got)
		}
		s.load.set(0, errors.New("nothing is known"))
		s.want("no data", s.after(30), int64(5))
		s.load.set(5, nil)
		s.want("low", s.after(4), int64(4))
		s.want("low for long", s.after(40), int64(1))
	})
}

// TestQueues are told like addresses, as properties of their own or in Aodh's spelling.
func TestQueues(t *testing.T) {
	told := strings.NewReplacer("%REPEAT%", "true", `ok_actions: ["http://elsewhere/"]`, `ok_actions: ["trust+zaqar://?queue_name=ok"]
      ok_queues: [also]
      alarm_queues: [told]
      severity: critical`).Replace(template)
	tellOf(t, told, func(s *story) {
		s.load.set(80, nil)
		s.want("high", s.after(3), int64(2))
		s.load.set(30, nil)
		s.after(3)
		if got, want := s.actor.posts(), "http://elsewhere/ ok alarm, p/told ok alarm, p/ok alarm ok, p/also alarm ok"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestNotRepeated(t *testing.T) {
	tell(t, "false", func(s *story) {
		s.load.set(80, nil)
		s.want("high", s.after(30), int64(5))
		s.load.set(5, nil)
		s.want("low, told once", s.after(60), int64(4))
		s.load.set(30, nil)
		s.after(5)
		s.load.set(5, nil)
		s.want("low again", s.after(30), int64(3))
	})
}

// TestActionsThatFail are tried again, all of them.
func TestActionsThatFail(t *testing.T) {
	tell(t, "true", func(s *story) {
		s.actor.mu.Lock()
		s.actor.err = stoker.Errorf(stoker.Unavailable, "not now")
		s.actor.mu.Unlock()
		s.load.set(80, nil)
		s.after(6)
		if got := strings.Count(s.actor.posts(), "ok alarm"); got < 2 || strings.Contains(s.actor.posts(), "alarm alarm") {
			t.Errorf("got posts %s", s.actor.posts())
		}
	})
}

// TestDeletedAlarms do nothing any more.
func TestDeletedAlarms(t *testing.T) {
	tell(t, "true", func(s *story) {
		if err := s.e.Delete(s.t.Context(), s.id); err != nil {
			t.Fatal(err)
		}
		if _, err := s.e.Await(s.t.Context(), s.id); err != nil {
			t.Fatal(err)
		}
		s.load.set(80, nil)
		s.after(10)
		s.want("posts", s.actor.posts(), "")
	})
}

const compositeTemplate = `
heat_template_version: 2018-08-31
resources:
  group:
    type: OS::Heat::AutoScalingGroup
    properties: {min_size: 1, max_size: 5, resource: {type: OS::Heat::RandomString}}
  up:
    type: OS::Heat::ScalingPolicy
    properties: {adjustment_type: change_in_capacity, auto_scaling_group_id: {get_resource: group}, scaling_adjustment: 1}
  busy:
    type: OS::Aodh::CompositeAlarm
    properties:
      composite_rule:
        operator: and
        rules:
          - {type: threshold, meter_name: cpu_util, statistic: avg, period: 60, evaluation_periods: 3, threshold: 50, comparison_operator: gt}
          - {type: threshold, meter_name: queue, statistic: avg, period: 30, threshold: 2, comparison_operator: ge, matching_metadata: {pool: lb}}
      alarm_actions: [{get_attr: [up, signal_url]}]
      ok_actions: ["http://elsewhere/"]
outputs:
  size: {value: {get_attr: [group, current_size]}}
`

// TestScalingByACompositeAlarm raises while both parts are passed, each for its own periods,
// and again after the longest of them.
func TestScalingByACompositeAlarm(t *testing.T) {
	tellOf(t, compositeTemplate, func(s *story) {
		s.load.set(80, nil)
		s.want("one of two", s.after(20), int64(1))
		s.queue.set(0, errors.New("nothing is known"))
		s.want("the other is not known", s.after(20), int64(1))
		s.queue.set(2, nil)
		s.want("both", s.after(1), int64(2))
		s.want("and again after three minutes", s.after(3), int64(3))
		s.load.set(50, nil)
		s.after(5)
		s.want("posts", s.actor.posts(), "http://elsewhere/ alarm ok")
		s.load.set(51, nil)
		s.want("two periods of three", s.after(2), int64(3))
		s.want("three periods", s.after(2), int64(4))
	})
}

// TestMissingData takes its actions once, when nothing is known for two periods, and not for
// what has never been known.
func TestMissingData(t *testing.T) {
	template := strings.NewReplacer("%REPEAT%", "true", `      ok_actions: ["http://elsewhere/"]`, `      insufficient_data_actions: ["http://nowhere/"]`).Replace(template)
	tellOf(t, template, func(s *story) {
		s.after(5)
		unknown := errors.New("nothing is known")
		s.load.set(0, unknown)
		s.after(1)
		s.load.set(30, nil)
		s.after(5)
		s.want("one period", s.actor.posts(), "")
		s.load.set(0, unknown)
		s.after(30)
		s.want("many", s.actor.posts(), "http://nowhere/ ok insufficient data")
		s.load.set(30, nil)
		s.after(3)
		s.load.set(0, unknown)
		s.after(5)
		s.want("again", s.actor.posts(), "http://nowhere/ ok insufficient data, http://nowhere/ ok insufficient data")
	})
}

// TestAtTimes evaluates an alarm at noon for five minutes only.
func TestAtTimes(t *testing.T) {
	template := strings.NewReplacer("%REPEAT%", "true", "      resource_type: instance", `      resource_type: instance
      time_constraints: [{name: noon, start: "0 12 * * *", duration: 300, timezone: Etc/GMT-1}, {name: once, start: "0 0 29 2 *", duration: 60}]`).Replace(template)
	tellOf(t, template, func(s *story) {
		s.load.set(80, nil)
		s.want("the whole morning", s.after(10*60+59), int64(1))
		s.want("at noon, which is eleven here", s.after(4), int64(2))
		s.after(3)
		before := s.after(1)
		s.want("in the afternoon", s.after(12*60), before)
		s.load.set(30, nil)
		s.want("the next noon", s.after(24*60), before)
		if got := s.actor.posts(); !strings.HasSuffix(got, "alarm ok") {
			t.Errorf("it is not over: %s", got)
		}
	})
}

const healthTemplate = `
heat_template_version: 2018-08-31
resources:
  group:
    type: OS::Heat::AutoScalingGroup
    properties: {min_size: 1, max_size: 5, resource: {type: OS::Heat::RandomString}}
  health:
    type: OS::Aodh::LBMemberHealthAlarm
    properties:
      pool: lb
      stack: {get_param: "OS::stack_id"}
      autoscaling_group_id: {get_resource: group}
      repeat_actions: %REPEAT%
      alarm_actions: ["trust+heat://", "http://elsewhere/"]
`

// TestMembersDown has the group heal those that stay down, again and again if so wanted,
// and does nothing for one that comes back at once.
func TestMembersDown(t *testing.T) {
	for repeat, times := range map[string]int{"true": 6, "false": 1} {
		tellOf(t, strings.Replace(healthTemplate, "%REPEAT%", repeat, 1), func(s *story) {
			s.after(5)
			s.want("all are up", s.actor.posts(), "")
			s.queue.set(1, nil)
			s.pause(4 * time.Second)
			s.queue.set(0, nil)
			s.after(5)
			s.want("a moment", s.actor.posts(), "")
			s.queue.set(2, nil)
			s.after(1)
			if got := strings.Count(s.actor.posts(), "heal p lb, http://elsewhere/ "); got != times {
				t.Errorf("repeat %s: healed %d times, want %d: %s", repeat, got, times, s.actor.posts())
			}
		})
	}
}
