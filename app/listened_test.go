package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
)

// A template's heartbeats reach public addresses and the project's own load balancers,
// and nothing else of this machine; an administrator's reach everything.
func TestHeartbeatsReachNoStrangers(t *testing.T) {
	var hits atomic.Int64
	private := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer private.Close()
	c := config(t)
	c.TokensFile = filepath.Join(t.TempDir(), "tokens")
	tokens := "alice-0123456789abcdef shop\nbob-0123456789abcdef other\nroot-0123456789abcdef shop root admin\n"
	if err := os.WriteFile(c.TokensFile, []byte(tokens), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, c)
	base, _, _ := strings.Cut(r.URL, "/v1/")
	as := func(who, project string) *client.Client {
		return dial(t, app.Server{URL: base + "/v1/" + project, Token: who + "-0123456789abcdef"})
	}
	alice := as("alice", "shop")
	id, err := alice.Create(t.Context(), client.Request{Name: "front",
		Template: "heat_template_version: 2018-08-31\nresources: {lb: {type: Stoker::LoadBalancer}}\noutputs: {url: {value: {get_attr: [lb, url]}}}\n"})
	if err != nil {
		t.Fatal(err)
	}
	front := outputs(t, alice, id)["url"]
	const forbidden = "not a public one"
	t.Run("all", func(t *testing.T) { // ends when all have
		for _, x := range []struct {
			who, project, url, want string
		}{
			{"alice", "shop", private.URL, forbidden},
			{"alice", "shop", base + "/healthcheck", forbidden},
			{"bob", "other", front, forbidden},
			{"alice", "shop", front, "no answer from the heartbeat in 1s"}, // it waits there for a server
			{"root", "shop", private.URL, "at target 100"},
		} {
			t.Run(x.who+" asks "+x.url, func(t *testing.T) {
				t.Parallel()
				cl := as(x.who, x.project)
				name := fmt.Sprint("s", time.Now().UnixNano())
				st, err := cl.Create(t.Context(), client.Request{Name: name, Template: `
heat_template_version: 2018-08-31
resources:
  g: {type: OS::Heat::AutoScalingGroup, properties: {min_size: 1, max_size: 2, resource: {type: OS::Heat::RandomString}}}
  s: {type: Stoker::Scaler, properties: {group: {get_resource: g}, interval: 1s, signals: {beat: {source: heartbeat, url: "` + x.url + `"}}, rules: [{kind: target, signal: beat, target: 100}]}}
outputs: {group: {value: {get_resource: g}}}
`})
				if err != nil {
					t.Fatal(err)
				}
				group := outputs(t, cl, st)["group"]
				said := ""
				tick := time.NewTicker(20 * time.Millisecond)
				for deadline := time.Now().Add(20 * time.Second); !strings.Contains(said, x.want) && time.Now().Before(deadline); <-tick.C {
					decisions, err := cl.Decisions(t.Context(), group, client.Decisions{})
					if err != nil {
						t.Fatal(err)
					}
					said = fmt.Sprintf("%+v", decisions)
				}
				tick.Stop()
				if !strings.Contains(said, x.want) {
					t.Errorf("%s asks %s: got %s, want %q", x.who, x.url, said, x.want)
				}
			})
		}
	})
	if n := hits.Load(); n == 0 {
		t.Error("an administrator's heartbeat did not come")
	}
}
