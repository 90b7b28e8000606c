package openstack_test

import (
	"flag"
	"maps"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/schematest"
	"github.com/stoker-project/stoker/resource/openstack"
)

var _ = flag.Bool("update", false, "write the schemas into the documentation")

const page = "../../docs/resource-types.md"

func TestSchemas(t *testing.T) { schematest.Sane(t, openstack.Types(openstack.Deps{})) }

// visible leaves out the types that Heat hides.
func visible() schematest.Types {
	types := openstack.Types(openstack.Deps{})
	maps.DeleteFunc(types, func(_ stoker.TypeName, impl stoker.ResourceType) bool { return impl.Schema().Hidden })
	return types
}

func TestDocumented(t *testing.T) { schematest.Documented(t, visible(), page) }

func TestLikeHeat(t *testing.T) {
	const older = "the older name of the property will do too"
	schematest.LikeHeat(t, visible(), "../../../shared/reference/resource-schemas.json", map[string]string{
		"OS::Nova::Server.flavor required":                  "a process or container may be without limits",
		"OS::Nova::Server attribute port":                   "our drivers say where the application listens; Nova does not know",
		"OS::Neutron::Subnet.network required":              older,
		"OS::Neutron::Port.network required":                older,
		"OS::Neutron::RouterInterface.router required":      older,
		"OS::Neutron::FloatingIP.floating_network required": older,
	})
}
