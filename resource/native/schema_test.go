package native_test

import (
	"flag"
	"testing"

	"github.com/stoker-project/stoker/internal/schematest"
	"github.com/stoker-project/stoker/resource/native"
)

var _ = flag.Bool("update", false, "write the schemas into the documentation")

const page = "../../docs/resource-types.md"

func TestSchemas(t *testing.T) { schematest.Sane(t, native.Types(native.Deps{})) }

func TestDocumented(t *testing.T) { schematest.Documented(t, native.Types(native.Deps{}), page) }
