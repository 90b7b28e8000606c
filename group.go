package stoker

import (
	"math"
	"time"
)

// GroupSpec is a group as its template wants it: what every type of group
// (AutoScalingGroup, ResourceGroup, InstanceGroup) is compiled into.
type GroupSpec struct {
	// Member is the definition every member is made from: a resource's section of a
	// HOT template, its functions resolved.
	Member map[string]any
	// Version is the heat_template_version of the generated template.
	Version string

	Min, Max int
	// Desired is the size asked for by the template; nil or, as in Heat, 0
	// for autoscaling groups leave the size as it is.
	Desired  *int
	Cooldown time.Duration
	// Names says how members are called and which of them leave first.
	Names Naming
	// Each defines the members one by one, instead of Member (Names == ByList only).
	// Min, Max and Desired are their number.
	Each []MemberSpec
	// IndexVar is replaced by the member's name in Member's property values
	// (Names == ByIndex only).
	IndexVar string
	// Remove names members (by name, reference or physical ID) that must go, even if others
	// take their place. RemoveMode "update" forgets earlier ones.
	Remove     []string
	RemoveMode string
	// Rolling bounds how many members change at once; nil changes all at once.
	Rolling *RollingUpdate
	// RollingCreate does the same for creation; only MaxBatch and Pause count.
	RollingCreate *RollingUpdate
	// KeepOld leaves members with an older definition as they are: only new ones
	// get the new one (AWS groups without an UpdatePolicy).
	KeepOld bool
}

// Naming is how members of a group are called.
type Naming string

const (
	// ByIndex calls them 0, 1, 2, ...; the highest leaves first (ResourceGroup).
	ByIndex Naming = "index"
	// ByRandom gives 12 random characters; failed ones leave first, then the
	// oldest (AutoScalingGroup).
	ByRandom Naming = "random"
	// ByList calls them as Each does, and in its order; others leave.
	ByList Naming = "list"
)

// MemberSpec is a member with a definition of its own.
type MemberSpec struct {
	Name ResourceName
	Def  map[string]any
}

// RollingUpdate bounds a rolling update.
type RollingUpdate struct {
	MinInService int
	MaxBatch     int
	Pause        time.Duration
}

// GroupState is what an engine remembers of a group, in its nested stack.
type GroupState struct {
	Spec GroupSpec
	// Size is the wanted number of members.
	Size int
	// CooldownEnd: adjustments by policies are ignored before it (Heat's
	// cooldown lives on the group, all its policies share it).
	CooldownEnd time.Time
	// FrozenUntil: scalers and policies change nothing before it.
	FrozenUntil  time.Time
	FrozenReason string
	// Skip holds names never used again (removal policies).
	Skip []ResourceName
	// Batches are those of a rolling update or a batched creation that is under
	// way, NextBatch the one to do next; PauseUntil holds it back.
	Batches    []GroupBatch
	NextBatch  int
	PauseUntil time.Time
}

// GroupBatch is one step of a rolling update: the size during it, and how many
// members get the new definition.
type GroupBatch struct{ Size, Update int }

// GroupMember is one member of a group as it stands.
type GroupMember struct {
	Name       ResourceName
	ID         ResourceID
	PhysicalID PhysicalID
	Reference  string // its get_resource value
	Action     Action
	Status     Status
	Reason     string
	Created    time.Time
}

// Group is a group as it stands.
type Group struct {
	ID       StackID // the nested stack; the get_resource value of the group
	Name     string  // stack name/resource name, for people
	Stack    StackID // the stack whose template declares it
	Resource ResourceName
	Project  ProjectID

	Min, Max, Size int
	// Members in member order: oldest first, or by index.
	Members []GroupMember
	// InFlight: a change is under way; Failed: the last one failed.
	InFlight, Failed bool
	StatusReason     string
	CooldownEnd      time.Time
	FrozenUntil      time.Time
	FrozenReason     string
	// Skip holds names never used again (removal policies).
	Skip []ResourceName
}

// GroupView lets a Grouper look at the members for its attributes.
type GroupView interface {
	Group() *Group
	// MemberAttribute is get_attr on a member.
	MemberAttribute(name ResourceName, path []any) (any, error)
}

// AdjustmentType is how a policy changes a capacity (Heat's words).
type AdjustmentType string

// The adjustment types.
const (
	ChangeInCapacity        AdjustmentType = "change_in_capacity"
	ExactCapacity           AdjustmentType = "exact_capacity"
	PercentChangeInCapacity AdjustmentType = "percent_change_in_capacity"
)

// Adjustment is a change of capacity.
type Adjustment struct {
	Type    AdjustmentType
	By      float64
	MinStep *int // for percent only
}

// NewCapacity gives the size after an adjustment, within bounds. It is Heat's
// calculate_new_capacity: a percentage that comes to less than one rounds away
// from zero, otherwise towards zero, and a step smaller than MinStep becomes
// MinStep in its direction (zero counts as down).
func NewCapacity(current int, a Adjustment, lowest, highest int) int {
	var want int
	switch a.Type {
	case ExactCapacity:
		want = int(a.By)
	case PercentChangeInCapacity:
		delta := float64(current) * a.By / 100
		step := int(delta)
		if math.Abs(delta) < 1 {
			step = int(math.Copysign(math.Ceil(math.Abs(delta)), delta))
		}
		if a.MinStep != nil && *a.MinStep > abs(step) {
			if step > 0 {
				step = *a.MinStep
			} else {
				step = -*a.MinStep
			}
		}
		want = current + step
	default:
		want = current + int(a.By)
	}
	return min(max(want, lowest), highest)
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
