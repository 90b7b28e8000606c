package openstack_test

import (
	"flag"
	"testing"

	"github.com/stoker-project/stoker/internal/schematest"
	"github.com/stoker-project/stoker/resource/openstack"
)

var _ = flag.Bool("update", false, "write the schemas into the documentation")

const page = "../../docs/resource-types.md"

func TestSchemas(t *testing.T) { schematest.Sane(t, openstack.Types(openstack.Deps{})) }

func TestDocumented(t *testing.T) { schematest.Documented(t, openstack.Types(openstack.Deps{}), page) }

func TestLikeHeat(t *testing.T) {
	schematest.LikeHeat(t, openstack.Types(openstack.Deps{}), "../../../shared/reference/resource-schemas.json", map[string]string{
		"OS::Nova::Server.flavor required": "a process or container may be without limits",
		"OS::Nova::Server attribute port":  "our drivers say where the application listens; Nova does not know",
	})
}
