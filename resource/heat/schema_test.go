package heat_test

import (
	"flag"
	"maps"
	"reflect"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/schematest"
	"github.com/stoker-project/stoker/resource/heat"
)

var _ = flag.Bool("update", false, "write the schemas into the documentation")

const page = "../../docs/resource-types.md"

func TestSchemas(t *testing.T) { schematest.Sane(t, heat.Types(heat.Deps{})) }

// listed are the types that Heat lists too.
func listed() map[stoker.TypeName]stoker.ResourceType {
	types := heat.Types(heat.Deps{})
	maps.DeleteFunc(types, func(_ stoker.TypeName, impl stoker.ResourceType) bool { return impl.Schema().Hidden })
	return types
}

func TestDocumented(t *testing.T) {
	types := listed()
	types["OS::Heat::HARestarter"] = heat.Types(heat.Deps{})["OS::Heat::HARestarter"]
	schematest.Documented(t, types, page)
}

// TestOldNames are the same as the new ones, and no list shows them.
func TestOldNames(t *testing.T) {
	all := heat.Types(heat.Deps{})
	for name, now := range map[stoker.TypeName]stoker.TypeName{
		"OS::Heat::SoftwareDeployments":   "OS::Heat::SoftwareDeploymentGroup",
		"OS::Heat::StructuredDeployments": "OS::Heat::StructuredDeploymentGroup",
		"OS::Aodh::CombinationAlarm":      "OS::Heat::None",
	} {
		got, want := *all[name].Schema(), *all[now].Schema()
		if !got.Hidden || want.Hidden {
			t.Errorf("hidden: %s is %v, %s is %v", name, got.Hidden, now, want.Hidden)
		}
		got.Hidden = false
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s differs from %s", name, now)
		}
	}
}

func TestLikeHeat(t *testing.T) {
	types := listed() // of the hidden ones there is no dump
	schematest.LikeHeat(t, types, "../../../shared/reference/resource-schemas.json", map[string]string{
		"OS::Heat::TestResource.constraint_prop_secs constraints": "the constraint only wastes time, in Heat's own tests",
	})
}
