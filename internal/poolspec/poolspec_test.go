package poolspec_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/poolspec"
)

var (
	lenient = poolspec.Rules{Path: anyPath, Zones: true}
	strict  = poolspec.Rules{
		Path:      func(string) error { return errors.New("no such path") },
		Cookie:    "#",
		MaxWeight: 9,
	}
)

func anyPath(string) error { return nil }

func TestDefaults(t *testing.T) {
	asked := []stoker.Listener{{Protocol: stoker.ProtocolHTTP}, {Protocol: stoker.ProtocolTCP, Address: "0:0::1", Port: 80}}
	got, err := lenient.Pool(stoker.Pool{ID: "p", Listeners: asked})
	want := stoker.Pool{
		ID: "p", Algorithm: stoker.RoundRobin, ConnectTimeout: 2 * time.Second,
		Listeners: []stoker.Listener{
			{Protocol: stoker.ProtocolHTTP, Address: "127.0.0.1"},
			{Protocol: stoker.ProtocolTCP, Address: "::1", Port: 80},
		},
		Health: stoker.HealthCheck{Path: "/", Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 3},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("pool: got %+v (%v), want %+v", got, err, want)
	}
	policies := []stoker.L7Policy{{Action: stoker.L7Redirect, URL: "http://a/", Rules: []stoker.L7Rule{
		{Type: stoker.L7Path, Compare: stoker.L7Equal, Value: "/"}}}}
	moved, err := lenient.Pool(stoker.Pool{ID: "p", Listeners: []stoker.Listener{{Protocol: stoker.ProtocolHTTP, Policies: policies}}})
	if err != nil || moved.Listeners[0].Policies[0].Code != 302 || policies[0].Code != 0 {
		t.Errorf("a redirect: got %+v (%v), want code 302, and the caller's untouched", moved.Listeners, err)
	}
	if asked[0].Address != "" {
		t.Error("the caller's listeners were changed")
	}
	again, err := lenient.Pool(got)
	if err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("once more: got %+v (%v), want the same", again, err)
	}
	m, err := lenient.Member(stoker.Member{ID: "m", Address: "h:1"})
	if err != nil || m.Weight != 1 {
		t.Errorf("member: got %+v (%v), want weight 1", m, err)
	}
}

func TestPoolRefused(t *testing.T) {
	web := stoker.Listener{Protocol: stoker.ProtocolHTTP, Port: 80}
	for want, p := range map[string]stoker.Pool{
		"a pool needs an ID": {},
		`pool "p": unknown algorithm "best", want roundrobin or leastconn`:                  {ID: "p", Algorithm: "best"},
		`pool "p": retries and timeouts must not be negative`:                               {ID: "p", QueueTimeout: -1},
		`pool "p": "a;b" is not a name for a cookie`:                                        {ID: "p", StickyCookie: "a;b"},
		`pool "p": unknown health check "https", want http, tcp or none`:                    {ID: "p", Health: stoker.HealthCheck{Protocol: "https"}},
		`pool "p": listener 0: unknown protocol "", want http, https or tcp`:                {ID: "p", Listeners: []stoker.Listener{{}}},
		`pool "p": listener 0: "localhost" is not an IP address`:                            {ID: "p", Listeners: []stoker.Listener{{Protocol: "tcp", Address: "localhost"}}},
		`pool "p": listener 1: port 65536 is not between 0 and 65535`:                       {ID: "p", Listeners: []stoker.Listener{web, {Protocol: "tcp", Port: 65536}}},
		`pool "p": listener 0: a certificate needs protocol https, not tcp`:                 {ID: "p", Listeners: []stoker.Listener{{Protocol: "tcp", Key: "k"}}},
		`pool "p": listener 1: 127.0.0.1:80 is there twice`:                                 {ID: "p", Listeners: []stoker.Listener{web, web}},
		`pool "p": interval, timeout, rise and fall of a health check must not be negative`: {ID: "p", Health: stoker.HealthCheck{Fall: -1}},
	} {
		_, err := lenient.Pool(p)
		if !stoker.IsKind(err, stoker.Invalid) || err.Error() != want {
			t.Errorf("%+v: got %v, want %s, Invalid", p, err, want)
		}
	}
}

func TestMemberRefused(t *testing.T) {
	for _, c := range []struct {
		rules poolspec.Rules
		m     stoker.Member
		want  string // empty: taken
	}{
		{lenient, stoker.Member{Address: "h:1"}, "a member needs an ID"},
		{lenient, stoker.Member{ID: "m", Address: "h"}, `member "m": address "h" is not host:port`},
		{lenient, stoker.Member{ID: "m", Address: ":1"}, `member "m": address ":1" is not host:port`},
		{lenient, stoker.Member{ID: "m", Address: "h:1", Weight: -1}, `member "m": weight -1 is negative`},
		{lenient, stoker.Member{ID: "m", Address: "h:1", Weight: 1 << 20}, ""},
		{strict, stoker.Member{ID: "m", Address: "h:1", Weight: 9}, ""},
		{strict, stoker.Member{ID: "m", Address: "h:1", Weight: 10}, `member "m": weight 10 is not between 1 and 9`},
		{strict, stoker.Member{ID: "m", Address: "h:1", Weight: -1}, `member "m": weight -1 is not between 1 and 9`},
	} {
		_, err := c.rules.Member(c.m)
		if c.want == "" && err != nil || c.want != "" && (!stoker.IsKind(err, stoker.Invalid) || err.Error() != c.want) {
			t.Errorf("%+v: got %v, want %q", c.m, err, c.want)
		}
	}
}

// What a balancer adds is asked at its place, and what it does not add is not.
func TestRules(t *testing.T) {
	own := errors.New("not with me")
	pair := []stoker.Listener{{Protocol: stoker.ProtocolHTTP}, {Protocol: stoker.ProtocolTCP}}
	zone := []stoker.Listener{{Protocol: stoker.ProtocolHTTP, Address: "fe80::1%eth0"}}
	for _, c := range []struct {
		name  string
		rules poolspec.Rules
		p     stoker.Pool
		want  string // empty: taken
	}{
		{"cookie, no rule", lenient, stoker.Pool{StickyCookie: "a#"}, ""},
		{"cookie", strict, stoker.Pool{StickyCookie: "a#"}, `pool "p": "a#" is not a name for a cookie`},
		{"path", strict, stoker.Pool{}, `pool "p": no such path`},
		{"zone", lenient, stoker.Pool{Listeners: zone}, ""},
		{"no zone", poolspec.Rules{Path: anyPath}, stoker.Pool{Listeners: zone}, `pool "p": listener 0: "fe80::1%eth0" is not an IP address`},
		{"health", poolspec.Rules{Path: anyPath, Health: func(stoker.HealthCheck) error { return own }}, stoker.Pool{}, `pool "p": not with me`},
		{"listeners, no rule", lenient, stoker.Pool{Listeners: pair}, ""},
		{"listeners", poolspec.Rules{Path: anyPath, Listener: func(all []stoker.Listener, i int) error {
			if all[i].Protocol != all[0].Protocol && all[i].Address == "127.0.0.1" {
				return own
			}
			return nil
		}}, stoker.Pool{Listeners: pair}, `pool "p": not with me`},
	} {
		c.p.ID = "p"
		_, err := c.rules.Pool(c.p)
		if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}
