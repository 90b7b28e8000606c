package builtin

import (
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/poolspec"
)

// rules are what this balancer can do of what it may be asked for.
var rules = poolspec.Rules{Path: checkPath, Zones: true}

func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return stoker.Errorf(stoker.Invalid, "health check path %q must start with / and hold no spaces", path)
	}
	return nil
}
