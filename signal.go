package stoker

import (
	"context"
	"time"
)

// ScalerID names a scaler: the ResourceID of its resource.
type ScalerID string

// Sample is one reading of a signal.
type Sample struct {
	Value float64
	Time  time.Time // when it was true, by the source's clock
	// Total says that Value is a sum over the group (requests per second);
	// otherwise it is a level that does not depend on how it is counted (response time,
	// mean CPU in percent).
	Total bool
	// Burst is what the signal is at this moment, where a source sees that it is far
	// more than Value and more than chance; 0: it is not. It may raise at
	// once, while Value still remembers how it was; it never lowers.
	Burst float64
	// Detail is for people: "3 members", "HTTP 200".
	Detail string
}

// SignalSource reads one signal. Read blocks at most until ctx ends. An error, a
// NaN or an old Time is never "low": it may hold or raise, never lower. One
// goroutine reads at a time.
type SignalSource interface {
	Read(ctx context.Context) (Sample, error)
}

// SignalSpec describes a signal of a scaler, as the user wrote it.
type SignalSpec struct {
	// Source names the kind: balancer, cpu, host, heartbeat, prometheus, composite, aggregate.
	Source string
	// Metric is what a source with several offers: requests_per_second,
	// concurrency, latency, errors_per_second, queue; cpu of host.
	Metric string
	Pool   PoolID // balancer
	// Group is whose servers a source looks at; empty: those of the policy's group.
	Group StackID
	URL   string // heartbeat
	Query string // prometheus: PromQL; composite and aggregate: the text of what internal/condition has
	// Window is the time a source averages over; 0: its default.
	Window time.Duration
	// Timeout of one reading; 0: the scaler's interval, at least 1s.
	Timeout time.Duration
	// MaxAge is when a sample is stale; 0: three intervals, at least 5s.
	MaxAge time.Duration
}

// RuleKind is how a rule decides.
type RuleKind string

// The kinds of rule.
const (
	// RuleThreshold: Up consecutive samples above High raise by Step, Down
	// consecutive ones below Low lower by Step (autoscalebot).
	RuleThreshold RuleKind = "threshold"
	// RuleStep: the first of Steps whose bound is passed adjusts (step scaling).
	RuleStep RuleKind = "step"
	// RuleTarget keeps the signal, per member for totals, at Target.
	RuleTarget RuleKind = "target"
	// RuleProportional: size = max(1, int(value/Divisor)), the HAProxy and
	// Docker script's cpu/10.
	RuleProportional RuleKind = "proportional"
)

// Rule turns one signal into a wished size.
type Rule struct {
	Name   string // for people; default: kind and signal
	Kind   RuleKind
	Signal string // a key of Policy.Signals

	// threshold
	High, Low          *float64
	UpAfter, DownAfter int // consecutive samples; 0 means 1
	Step               int // 0 means 1
	// ErrorIsHigh counts a missing or failing sample as one above High, as
	// autoscalebot does; otherwise it counts as nothing.
	ErrorIsHigh bool

	// step, from the highest bound downwards
	Steps []Step

	// target
	Target float64
	// Tolerance is the relative band round Target without a change; 0 means 0.1.
	Tolerance float64

	// proportional
	Divisor float64
}

// Step is one rung of a step rule: applies from From (inclusive) up to To
// (exclusive); nil is open.
type Step struct {
	From, To *float64
	Adjustment
}

// Policy is a scaler as wanted: signals and rules bound to a group.
type Policy struct {
	ID      ScalerID
	Name    string // for people
	Project ProjectID
	// Admin says that an administrator asked for it: its heartbeats may be of any address.
	Admin bool
	Group StackID
	// Interval between evaluations; default 1s.
	Interval time.Duration
	Signals  map[string]SignalSpec
	Rules    []Rule
	// Min and Max narrow the group's own bounds; nil leaves them.
	Min, Max *int
	// Cool-offs: the least time after a change until the next one in that
	// direction. Changes of the other direction count too, for down only.
	UpCooldown, DownCooldown time.Duration
	// DownStabilization: the size is lowered only to the largest wish of this
	// window; UpStabilization: raised only to the smallest.
	UpStabilization, DownStabilization time.Duration
	// MaxStepUp and MaxStepDown bound one change; 0: no bound.
	MaxStepUp, MaxStepDown int
	// DryRun decides and records, but changes nothing.
	DryRun bool
}

// Decision is one evaluation of a scaler, recorded also when nothing was done.
type Decision struct {
	Seq      int64 // given by the store
	Scaler   ScalerID
	Group    StackID
	Project  ProjectID
	Time     time.Time // of the first
	LastTime time.Time // of the last that was alike
	Count    int       // how many alike in a row
	From, To int       // the size before, and asked for; equal when nothing is done
	// Wish is what the rules asked for before limits.
	Wish int
	// Why is the reason, a sentence: "rps 240 of target 50 per member wants 5".
	Why string
	// Limiter names what kept Wish from being To: max, cooldown, in flight,
	// frozen, stale signal, ...; empty: nothing.
	Limiter string
	// Next is the earliest time at which the limiter ends, zero if unknown.
	Next    time.Time
	Signals map[string]float64
	// Err is what went wrong when it was carried out.
	Err string
}

// ScalerState is what a scaler must remember over a restart.
type ScalerState struct {
	Scaler   ScalerID
	LastUp   time.Time
	LastDown time.Time
}

// DecisionFilter selects decisions. Zero fields select nothing out.
type DecisionFilter struct {
	Group  StackID
	Scaler ScalerID
	Since  time.Time // LastTime not before
	Limit  int       // the newest; 0: all
	// Changes leaves out those that did nothing.
	Changes bool
}

// DecisionStore is the journal of scalers. All methods may be called concurrently.
type DecisionStore interface {
	// SaveDecisions inserts those with Seq 0, setting it, and replaces the
	// others; states are inserted or replaced. All or nothing.
	SaveDecisions(ctx context.Context, ds []*Decision, states []ScalerState) error
	// Decisions gives the oldest first.
	Decisions(ctx context.Context, f DecisionFilter) ([]*Decision, error)
	// ScalerState gives the zero state for an unknown scaler.
	ScalerState(ctx context.Context, id ScalerID) (ScalerState, error)
	// ForgetScaler removes the state; decisions stay until they age out.
	ForgetScaler(ctx context.Context, id ScalerID) error
}
