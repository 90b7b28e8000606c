package haproxy

import (
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
)

func TestBackendName(t *testing.T) {
	others := map[stoker.PoolID]*pool{"other": {backend: "shop_backend"}}
	for _, c := range []struct{ name, want string }{
		{"flask", "flask_backend"},
		{"Web-1.eu_west", "Web-1.eu_west_backend"},
		{"shop", "shop.6b86b273_backend"}, // another has it
		{"shop/web", "shop-web.6b86b273_backend"},
		{"läden", "l-den.6b86b273_backend"},
		{"", "1.6b86b273_backend"},
		{"shop.deadbeef", "shop.deadbeef.6b86b273_backend"}, // that could be another's
		{strings.Repeat("x", 61), strings.Repeat("x", 60) + ".6b86b273_backend"},
	} {
		if got := backendName(stoker.Pool{ID: "1", Name: c.name}, others); got != c.want {
			t.Errorf("%q: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestFrontendName(t *testing.T) {
	web := stoker.Listener{Protocol: stoker.ProtocolHTTP, Address: "127.0.0.1", Port: 80}
	also := stoker.Listener{Protocol: stoker.ProtocolHTTP, Address: "::1", Port: 80}
	one := &pool{backend: "flask_backend", want: stoker.Pool{Listeners: []stoker.Listener{web}}}
	two := &pool{backend: "flask_backend", want: stoker.Pool{Listeners: []stoker.Listener{web, also}}}
	for _, c := range []struct{ got, want string }{
		{frontendName(one, web), "flask_frontend"},
		{frontendName(two, web), "flask_frontend:http:127.0.0.1:80"},
		{frontendName(two, also), "flask_frontend:http:::1:80"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
