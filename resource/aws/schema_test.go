package aws_test

import (
	"flag"
	"testing"

	"github.com/stoker-project/stoker/internal/schematest"
	"github.com/stoker-project/stoker/resource/aws"
)

var _ = flag.Bool("update", false, "write the schemas into the documentation")

const page = "../../docs/resource-types.md"

// visible leaves out the type of members, which Heat's registry has as an alias.
func visible() schematest.Types {
	types := aws.Types(aws.Deps{})
	delete(types, "OS::Heat::ScaledResource")
	return types
}

func TestSchemas(t *testing.T) { schematest.Sane(t, aws.Types(aws.Deps{})) }

func TestDocumented(t *testing.T) { schematest.Documented(t, visible(), page) }

func TestLikeHeat(t *testing.T) {
	schematest.LikeHeat(t, visible(), "../../../shared/reference/resource-schemas.json", nil)
}
