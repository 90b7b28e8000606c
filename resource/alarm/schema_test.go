package alarm_test

import (
	"flag"
	"maps"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/schematest"
	"github.com/stoker-project/stoker/resource/alarm"
)

var _ = flag.Bool("update", false, "write the schemas into the documentation")

const page = "../../docs/resource-types.md"

// visible are the types that Heat has under the same names today.
func visible() map[stoker.TypeName]stoker.ResourceType {
	out := alarm.Types(alarm.Deps{})
	maps.DeleteFunc(out, func(_ stoker.TypeName, t stoker.ResourceType) bool { return t.Schema().Hidden })
	return out
}

func TestSchemas(t *testing.T) { schematest.Sane(t, visible()) }

func TestDocumented(t *testing.T) { schematest.Documented(t, visible(), page) }

func TestLikeHeat(t *testing.T) {
	differences := map[string]string{}
	for _, name := range []string{"Alarm", "GnocchiAggregationByResourcesAlarm", "GnocchiResourcesAlarm", "CompositeAlarm", "PrometheusAlarm", "LBMemberHealthAlarm", "EventAlarm", "GnocchiAggregationByMetricsAlarm"} {
		for _, p := range []string{"enabled", "repeat_actions"} {
			differences["OS::Aodh::"+name+"."+p+" default"] = "Heat writes the boolean as a text"
		}
	}
	schematest.LikeHeat(t, visible(), "../../../shared/reference/resource-schemas.json", differences)
}
