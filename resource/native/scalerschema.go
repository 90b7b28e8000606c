package native

import (
	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/schema"
)

func scalerSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "Keeps a group the right size: reads signals, lets each rule wish a size, takes the largest wish within all limits. Everything can be changed while it runs.",
		Properties: map[string]*stoker.Property{
			"group": {Type: stoker.TypeString, Required: true, Update: true,
				Description: "The group: get_resource of an OS::Heat::AutoScalingGroup."},
			"interval": schema.Duration("The time from one decision to the next.", "1s"),
			"signals": {Type: stoker.TypeMap, Required: true, Update: true, Items: signalItem(),
				Description: "What is measured, under names for the rules."},
			"rules": {Type: stoker.TypeList, Required: true, Update: true, Items: ruleItem(),
				Description: "How the signals become a size. Of several, the largest wish counts."},
			"min": {Type: stoker.TypeInteger, Update: true, Constraints: schema.AtLeast(0),
				Description: "The smallest size that this scaler asks for, within the group's own bounds."},
			"max": {Type: stoker.TypeInteger, Update: true, Constraints: schema.AtLeast(0),
				Description: "The largest size that this scaler asks for, within the group's own bounds."},
			"up_cooldown":        schema.Duration("The least time from a growth to the next.", "0s"),
			"down_cooldown":      schema.Duration("The least time from any change to a shrinking.", "0s"),
			"up_stabilization":   schema.Duration("The size grows only to the smallest wish of this time.", "0s"),
			"down_stabilization": schema.Duration("The size shrinks only to the largest wish of this time, so that a short lull removes nobody.", "0s"),
			"max_step_up": {Type: stoker.TypeInteger, Default: int64(0), Update: true, Constraints: schema.AtLeast(0),
				Description: "How many members may come at once; 0 for no bound."},
			"max_step_down": {Type: stoker.TypeInteger, Default: int64(0), Update: true, Constraints: schema.AtLeast(0),
				Description: "How many members may leave at once; 0 for no bound."},
			"dry_run": {Type: stoker.TypeBoolean, Default: false, Update: true,
				Description: "Decides and records, but changes nothing."},
		},
		Attributes: schema.Attributes(nil),
	}
}

func signalItem() *stoker.Property {
	return &stoker.Property{Type: stoker.TypeMap, Description: "A signal.", Fields: map[string]*stoker.Property{
		"source": {Type: stoker.TypeString, Required: true,
			Description: "Who measures: balancer, cpu (of the group's members), host (the machine that Stoker runs on), heartbeat (response time of a URL), prometheus (where the configuration allows it)."},
		"metric": {Type: stoker.TypeString,
			Description: "With balancer: requests_per_second, concurrency, latency, errors_per_second, queue or members_down; with host: cpu."},
		"pool":    {Type: stoker.TypeString, Description: "With balancer: get_resource of a Stoker::LoadBalancer."},
		"group":   {Type: stoker.TypeString, Description: "With cpu: whose members are measured; without it, those of the scaler's group."},
		"url":     {Type: stoker.TypeString, Description: "With heartbeat: the address that is asked: a public one, or a load balancer of the project; an administrator's may be any."},
		"query":   {Type: stoker.TypeString, Description: "With prometheus: PromQL that gives one number."},
		"window":  schema.Duration("The time that is averaged over; without it, the source's own.", nil),
		"timeout": schema.Duration("How long one reading may take; without it, the interval, at least 1s.", nil),
		"max_age": schema.Duration("When a reading is too old to count; without it, three intervals, at least 5s.", nil),
	}}
}

func ruleItem() *stoker.Property {
	return &stoker.Property{Type: stoker.TypeMap, Description: "A rule.", Fields: map[string]*stoker.Property{
		"name": {Type: stoker.TypeString, Description: "A name for people."},
		"kind": {Type: stoker.TypeString, Required: true,
			Constraints: schema.OneOf(string(stoker.RuleTarget), string(stoker.RuleThreshold), string(stoker.RuleStep), string(stoker.RuleProportional)),
			Description: "target keeps the signal at a value, threshold counts readings above and below bounds, step looks up a table, proportional divides."},
		"signal":    {Type: stoker.TypeString, Required: true, Description: "A name from signals."},
		"target":    {Type: stoker.TypeNumber, Description: "target: the value to keep; for sums (requests_per_second, concurrency) per member."},
		"tolerance": {Type: stoker.TypeNumber, Constraints: schema.AtLeast(0), Description: "target: the share around it in which nothing changes; by default 0.1."},
		"high":      {Type: stoker.TypeNumber, Description: "threshold: readings above it count towards growing."},
		"low":       {Type: stoker.TypeNumber, Description: "threshold: readings below it count towards shrinking."},
		"up_after": {Type: stoker.TypeInteger, Constraints: schema.AtLeast(1),
			Description: "threshold: how many readings in a row above high make it grow; by default 1."},
		"down_after": {Type: stoker.TypeInteger, Constraints: schema.AtLeast(1),
			Description: "threshold: how many readings in a row below low make it shrink; by default 1."},
		"step": {Type: stoker.TypeInteger, Constraints: schema.AtLeast(1), Description: "threshold: by how many members; by default 1."},
		"error_is_high": {Type: stoker.TypeBoolean, Default: false,
			Description: "threshold: whether a reading that fails counts as one above high."},
		"steps":   {Type: stoker.TypeList, Items: stepItem(), Description: "step: the table."},
		"divisor": {Type: stoker.TypeNumber, Description: "proportional: the size is the signal divided by it, rounded down, at least 1."},
	}}
}

func stepItem() *stoker.Property {
	return &stoker.Property{Type: stoker.TypeMap, Description: "A row of the table.", Fields: map[string]*stoker.Property{
		"from": {Type: stoker.TypeNumber, Description: "The least reading of this row; open without it."},
		"to":   {Type: stoker.TypeNumber, Description: "The row holds for readings below it; open without it."},
		"type": {Type: stoker.TypeString, Default: string(stoker.ChangeInCapacity),
			Constraints: schema.OneOf(string(stoker.ChangeInCapacity), string(stoker.ExactCapacity), string(stoker.PercentChangeInCapacity)),
			Description: "What by means: members to add, the size, or a percentage to add."},
		"by":       {Type: stoker.TypeNumber, Required: true, Description: "By how much."},
		"min_step": {Type: stoker.TypeInteger, Constraints: schema.AtLeast(0), Description: "With a percentage: the least number of members."},
	}}
}
