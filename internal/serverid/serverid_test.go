package serverid_test

import (
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/serverid"
)

func TestUUID(t *testing.T) {
	if a, b := serverid.UUID("web/1"), serverid.UUID("web/2"); a == b || len(a) != 36 || a != serverid.UUID("web/1") {
		t.Errorf("got %q and %q, want two stable UUIDs", a, b)
	}
	const one = "0b2f1c9e-53a4-4e0e-9c40-1c1f5f6a7b11"
	if got := serverid.UUID(stoker.ServerToken(strings.ToUpper(one[:8]) + one[8:])); got != one {
		t.Errorf("got %q, want the token itself", got)
	}
}

func TestHostname(t *testing.T) {
	for name, want := range map[string]string{
		"web-1": "web-1", "web 1_x": "web-1-x", "-a-": "a", "": "", strings.Repeat("x", 80): strings.Repeat("x", 63),
	} {
		if got := serverid.Hostname(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
