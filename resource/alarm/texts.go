package alarm

import (
	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/heatschema"
)

// commonTexts describe what the types have in common, by the names of properties.
func commonTexts() heatschema.Texts {
	return heatschema.Texts{
		"alarm_actions":             "Addresses that are signalled when the alarm is raised: alarm_url or signal_url of scaling policies, or others that take a POST of JSON.",
		"ok_actions":                "Addresses that are signalled when the alarm is over.",
		"insufficient_data_actions": "Addresses that are signalled once when what is measured is not known any more, for evaluation_periods.",
		"alarm_queues":              "Queues of the configured Zaqar that it is told to as well.",
		"ok_queues":                 "Queues of the configured Zaqar that it is told to as well.",
		"insufficient_data_queues":  "Queues of the configured Zaqar that it is told to as well.",
		"comparison_operator":       "How the measure compares with the threshold when the alarm is raised: gt, ge, lt or le. eq and ne are refused.",
		"description":               "What it is for.",
		"enabled":                   "Whether it is evaluated.",
		"evaluation_periods":        "For how many periods in a row; 1 by default.",
		"threshold":                 "What is compared with.",
		"repeat_actions":            "Whether the actions are taken again while the threshold stays passed, each time after evaluation_periods.",
		"severity":                  "How bad it is; those hear of it that are told.",
		"time_constraints":          "When the alarm is evaluated: in any of these times. Outside of them it keeps its state. By default always.",
		"name":                      "Its name.",
		"start":                     "When it begins: a cron expression.",
		"duration":                  "How long it lasts, in seconds.",
		"timezone":                  "The time zone of the cron expression, as Europe/Berlin; UTC by default.",
		"field":                     "What is looked at; only pool counts.",
		"op":                        "How it compares.",
		"type":                      "What the value is.",
		"value":                     "What it is compared with.",
		"metric":                    "What is measured; the list below.",
		"granularity":               "The length of a period in seconds; 60 by default.",
		"aggregation_method":        "How it is taken over the period: mean, for cpu rate:mean.",
		"resource_type":             "What kind of thing is measured; nothing depends on it.",
		"attribute:show":            "Null.",
	}
}

// texts describe what each type has of its own.
func texts(name stoker.TypeName) heatschema.Texts {
	return map[stoker.TypeName]heatschema.Texts{
		"OS::Aodh::Alarm": {
			"meter_name":        "What is measured; the list below.",
			"statistic":         "How it is taken over the period: avg.",
			"period":            "The length of a period in seconds; 60 by default.",
			"matching_metadata": "What is measured, by its metadata. Only pool counts, get_resource of a Stoker::LoadBalancer; servers are those of the group that the first policy among the actions scales.",
			"query":             "The same in another form.",
		},
		"OS::Aodh::GnocchiAggregationByResourcesAlarm": {
			"query": "What is measured, as JSON in Gnocchi's form. Only a condition on pool counts; servers are those of the group that the first policy among the actions scales.",
		},
		"OS::Aodh::GnocchiResourcesAlarm": {
			"resource_id": "What is measured: get_resource of a Stoker::LoadBalancer. One server alone cannot be.",
		},
		"OS::Aodh::GnocchiAggregationByMetricsAlarm": {
			"aggregation_method": "How they are taken together: mean, sum, min or max.",
			"metrics":            "What is measured: IDs of metrics. One is the ID of a load balancer or, for cpu_util, of a group, a slash and the metric's name.",
		},
		"OS::Aodh::CompositeAlarm": {
			"composite_rule":          "The thresholds, and how they are joined.",
			"composite_rule.operator": "Whether all must be passed, or one.",
			"composite_rule.rules":    "Thresholds, and maps of and or or to lists of more of them. A threshold has a type (threshold, gnocchi_resources_threshold, gnocchi_aggregation_by_resources_threshold, gnocchi_aggregation_by_metrics_threshold or prometheus) and the properties of OS::Aodh::Alarm, GnocchiResourcesAlarm, GnocchiAggregationByResourcesAlarm, GnocchiAggregationByMetricsAlarm or PrometheusAlarm that say what is measured and compared.",
			"repeat_actions":          "Whether the actions are taken again while the rule holds, each time after its longest periods.",
		},
		"OS::Aodh::PrometheusAlarm": {
			"query":          "PromQL that gives one number. One that gives several series, or none, raises no alarm.",
			"repeat_actions": "Whether the actions are taken again while the threshold stays passed, each time that Prometheus is asked.",
		},
		"OS::Aodh::EventAlarm": {
			"event_type":                "What happens; * and ? stand for any characters and for one. All events by default.",
			"query":                     "Conditions on the event, all of which hold.",
			"query[].field":             "A trait, as traits.instance_id, or event_type, message_id or generated. An event without it is another one.",
			"query[].op":                "How it compares; eq by default.",
			"query[].type":              "As what both are read.",
			"query[].value":             "What it is compared with.",
			"ok_actions":                "Never taken: an alarm on events does not end.",
			"insufficient_data_actions": "Never taken: nothing is measured.",
			"repeat_actions":            "Whether the actions are taken for each event, not for the first only.",
		},
		"OS::Aodh::LBMemberHealthAlarm": {
			"alarm_actions":        "What is done: trust+heat:// has the members replaced. Others are addresses, as for all alarms.",
			"autoscaling_group_id": "get_resource of the group whose members serve in the pool: OS::Heat::AutoScalingGroup, or another.",
			"pool":                 "get_resource of an OS::Octavia::Pool or Stoker::LoadBalancer.",
			"stack":                "The root stack. Nothing depends on it: the group heals itself.",
			"repeat_actions":       "Whether the actions are taken again while members are down, every ten seconds.",
		},
		"AWS::CloudWatch::Alarm": {
			"AlarmActions":            "Addresses that are signalled when the alarm is raised: Ref of scaling policies, or others that take a POST of JSON.",
			"OKActions":               "Addresses that are signalled when the alarm is over.",
			"InsufficientDataActions": "Addresses that are signalled once when what is measured is not known any more, for EvaluationPeriods.",
			"AlarmDescription":        "What it is for.",
			"ComparisonOperator":      "How the measure compares with the threshold when the alarm is raised.",
			"Dimensions":              "What is measured: maps of Name and Value, or of one name to its value. AutoScalingGroupName is the group whose servers are, without it that of the first policy among the actions; pool is a Stoker::LoadBalancer.",
			"EvaluationPeriods":       "For how many periods in a row.",
			"MetricName":              "What is measured; the list below.",
			"Namespace":               "Where the metric is from; nothing depends on it.",
			"Period":                  "The length of a period in seconds.",
			"Statistic":               "How it is taken over the period: Average, for counts Sum.",
			"Threshold":               "What is compared with.",
			"Units":                   "The metric's unit; nothing depends on it.",
		},
	}[name]
}
