package heat_test

import (
	"flag"
	"testing"

	"github.com/stoker-project/stoker/internal/schematest"
	"github.com/stoker-project/stoker/resource/heat"
)

var _ = flag.Bool("update", false, "write the schemas into the documentation")

const page = "../../docs/resource-types.md"

func TestSchemas(t *testing.T) { schematest.Sane(t, heat.Types(heat.Deps{})) }

func TestDocumented(t *testing.T) { schematest.Documented(t, heat.Types(heat.Deps{}), page) }

func TestLikeHeat(t *testing.T) {
	types := heat.Types(heat.Deps{})
	delete(types, "OS::Heat::HARestarter") // Heat has made a placeholder of it
	schematest.LikeHeat(t, types, "../../../shared/reference/resource-schemas.json", map[string]string{
		"OS::Heat::TestResource.constraint_prop_secs constraints": "the constraint only wastes time, in Heat's own tests",
	})
}
