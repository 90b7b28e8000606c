// Package openstack_test runs the example on a real Docker daemon, with each of the
// balancers.
package openstack_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	moby "github.com/moby/moby/client"

	"github.com/stoker-project/stoker/client"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
	"github.com/stoker-project/stoker/examples/story"
	"github.com/stoker-project/stoker/internal/netns"
)

func TestMain(m *testing.M) { os.Exit(dockerdtest.Main(m.Run)) }

func TestShop(t *testing.T) { play(t, "") }

// TestShopWithHAProxy has a real HAProxy listen on the addresses.
func TestShopWithHAProxy(t *testing.T) {
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("there is no haproxy here")
	}
	play(t, "balancer: haproxy\n")
}

func play(t *testing.T, extra string) {
	text, err := os.ReadFile("stoker.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{story.New(t, "../..")}
	s.Configure("listen: 127.0.0.1:0\n" + extra + string(text))
	s.Start()
	if _, err := s.API.Create(t.Context(), s.request(2)); err != nil {
		t.Fatal(err)
	}
	s.Settled("shop", "CREATE_COMPLETE")
	customers, admin := s.Output("shop", "shop"), s.Output("shop", "admin")
	s.Answers(customers, 2)
	s.Answers(admin, 1)
	s.talk()
	s.policies(customers, admin, "https://catalogue.example/")

	load := s.Load(customers, 4)
	s.resize(4)
	s.Answers(customers, 4)
	s.resize(2)
	moved := s.request(2)
	moved.Parameters["catalogue"] = "https://new.example/list?all=1%25"
	s.update(moved)
	s.policies(customers, admin, "https://new.example/list?all=1%25")
	load.None("scaling out and in, and a change of policies")
	load.Stop()

	before := s.Containers()
	s.Kill()
	s.Start()
	s.Answers(customers, 2)
	s.Answers(admin, 1)
	s.talk()
	if after := s.Containers(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("after a restart of Stoker: got containers %v, want %v", after, before)
	}
	if err := s.API.Delete(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	s.Gone()
}

// shop is the example on a daemon.
type shop struct{ *story.Story }

func (s *shop) request(size int) client.Request {
	s.Helper()
	r, err := client.Bundle("shop.yaml", nil)
	if err != nil {
		s.Fatal(err)
	}
	r.Name, r.Parameters = "shop", map[string]any{"size": size}
	return r
}

func (s *shop) resize(size int) {
	s.Helper()
	s.update(s.request(size))
}

func (s *shop) update(r client.Request) {
	s.Helper()
	if err := s.API.Update(s.Context(), "shop", r); err != nil {
		s.Fatal(err)
	}
	s.Settled("shop", "UPDATE_COMPLETE")
}

// policies wants hidden files refused, the catalogue moved and reports to come from
// the administrators' server.
func (s *shop) policies(customers, admin, catalogue string) {
	s.Helper()
	tr := &http.Transport{DisableKeepAlives: true}
	s.Until("the catalogue is at "+catalogue, func() bool { // a balancer may take a moment to leave what was before
		status, to := s.visit(tr, customers+"catalogue/shoes")
		return status == http.StatusFound && to == catalogue
	})
	if status, _ := s.visit(tr, customers+"site/.env"); status != http.StatusForbidden {
		s.Errorf("a hidden file: got %d, want 403", status)
	}
	want, err := story.Ask(s.Context(), tr, admin)
	if err != nil {
		s.Fatal(err)
	}
	for range 4 {
		if got, err := story.Ask(s.Context(), named{tr, "reports.example"}, customers); got != want || err != nil {
			s.Errorf("reports: got %q (%v), want %q", got, err, want)
		}
	}
}

// named asks for a host by its name, wherever that is.
type named struct {
	http.RoundTripper
	host string
}

func (n named) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = n.host
	return n.RoundTripper.RoundTrip(r)
}

// visit gives the status of an answer, and where it leads.
func (s *shop) visit(tr http.RoundTripper, url string) (int, string) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, url, nil)
	if err != nil {
		s.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		s.Errorf("GET %s: %v", url, err)
		return 0, ""
	}
	resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("Location")
}

const adminIP = "10.99.0.5"

// talk wants the security groups to hold between the servers themselves.
func (s *shop) talk() {
	s.Helper()
	var webs []string
	for _, word := range strings.FieldsFunc(s.Output("shop", "servers"), func(r rune) bool { return strings.ContainsRune("[] ,", r) }) {
		webs = append(webs, strings.Trim(word, `"`))
	}
	vip := s.Output("shop", "vip")
	if len(webs) != 2 {
		s.Fatalf("got the servers %q, want 2", webs)
	}
	for _, tt := range []struct {
		from, to string
		want     bool
	}{
		{adminIP, webs[0] + ":8080", true},
		{webs[0], adminIP + ":8080", true},
		{webs[0], webs[1] + ":8080", false},
		{webs[1], vip + ":8080", true},
	} {
		if err := s.connect(tt.from, tt.to); (err == nil) != tt.want {
			s.Errorf("from %s to %s: got %v, want that it passes: %v", tt.from, tt.to, err, tt.want)
		}
	}
}

// connect connects from inside the server with an address.
func (s *shop) connect(from, to string) error {
	s.Helper()
	var err error
	failed := netns.Do(fmt.Sprintf("/proc/%d/ns/net", s.process(from)), func() error {
		conn, dialed := net.DialTimeout("tcp", to, time.Second)
		if err = dialed; err == nil {
			conn.Close()
		}
		return nil
	})
	if failed != nil {
		s.Fatal(failed)
	}
	return err
}

// process is the first process of the container with an address.
func (s *shop) process(ip string) int {
	s.Helper()
	for _, id := range s.Containers() {
		c, err := s.Docker.ContainerInspect(s.Context(), id, moby.ContainerInspectOptions{})
		if err != nil {
			s.Fatal(err)
		}
		for _, n := range c.Container.NetworkSettings.Networks {
			if n.IPAddress.String() == ip {
				return c.Container.State.Pid
			}
		}
	}
	s.Fatalf("no container has the address %s", ip)
	return 0
}
