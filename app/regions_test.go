package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
)

// faraway has a stack in another region, made of a type and a file of this stack.
var faraway = strings.NewReplacer(
	"    properties:\n", "    properties:\n      context: {region_name: RegionTwo}\n",
	"type: OS::Heat::RandomString", "type: My::Word",
).Replace(besides)

// outer is what a stack that has one elsewhere is made with.
func outer(length int) client.Request {
	return client.Request{
		Name: "a", Template: faraway, Parameters: map[string]any{"length": length},
		Environment: map[string]any{"resource_registry": map[string]any{"My::Word": "word.yaml"}},
		Files: map[string]string{"word.yaml": `
heat_template_version: 2018-08-31
parameters: {length: {type: number}}
resources: {s: {type: OS::Heat::RandomString, properties: {length: {get_param: length}}}}
outputs: {value: {value: {get_attr: [s, value]}}}
`},
	}
}

// door stands before a region, and can be told what to do to requests.
type door struct {
	*httptest.Server
	mu   sync.Mutex
	rule func(w http.ResponseWriter, r *http.Request, pass http.Handler) // nil: pass
	seen []string
}

func newDoor(t *testing.T, to string) *door {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	d := &door{}
	pass := &httputil.ReverseProxy{
		// Host stays, so that addresses in answers lead through the door again.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = u.Scheme, u.Host
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(res *http.Response) error {
			if at, err := url.Parse(res.Header.Get("Location")); err == nil && at.Host == u.Host {
				at.Host = strings.TrimPrefix(d.URL, "http://")
				res.Header.Set("Location", at.String())
			}
			return nil
		},
	}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		rule := d.rule
		d.seen = append(d.seen, r.Method+" "+r.URL.Path)
		d.mu.Unlock()
		if rule == nil {
			rule = func(w http.ResponseWriter, r *http.Request, pass http.Handler) { pass.ServeHTTP(w, r) }
		}
		rule(w, r, pass)
	}))
	t.Cleanup(d.Close)
	return d
}

func (d *door) does(rule func(w http.ResponseWriter, r *http.Request, pass http.Handler)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rule = rule
}

func broken(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// twoRegions starts two Stokers with a door between them, and gives clients of both.
func twoRegions(t *testing.T) (here, there *client.Client, d *door, c app.Config) {
	t.Helper()
	second := start(t, config(t))
	base, path, _ := strings.Cut(second.URL, "/v1/")
	d = newDoor(t, base)
	c = config(t)
	c.Regions = map[string]app.CloudConfig{"RegionTwo": {
		CloudLogin: app.CloudLogin{Endpoint: d.URL + "/v1/" + path, Token: second.Token},
		Projects:   map[string]app.CloudLogin{"*": {}},
	}}
	return dial(t, start(t, c).Server), dial(t, second.Server), d, c
}

func gone(t *testing.T, c *client.Client, name string) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		_, err := c.Stack(t.Context(), name)
		if stoker.IsKind(err, stoker.NotFound) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the stack %s is still there: %v", name, err)
		}
	}
}

// TestStackInAnotherRegion is seen from both: made with the files and types of the stack here,
// changed, checked, suspended, resumed and deleted with it.
func TestStackInAnotherRegion(t *testing.T) {
	here, there, _, _ := twoRegions(t)
	id, err := here.Create(t.Context(), outer(6))
	if err != nil {
		t.Fatal(err)
	}
	out := outputs(t, here, id)
	if len(out["s"]) != 6 || !strings.HasPrefix(out["name"], "a-beside-") {
		t.Fatalf("got %v", out)
	}
	if _, err := here.Stack(t.Context(), out["name"]); !stoker.IsKind(err, stoker.NotFound) {
		t.Errorf("it is here: %v", err)
	}
	state := func(want string) {
		t.Helper()
		if st, err := there.Stack(t.Context(), out["name"]); err != nil || st.Status != want {
			t.Errorf("there it is %+v, %v, want %s", st, err, want)
		}
	}
	state("CREATE_COMPLETE")
	if err := here.Update(t.Context(), id, outer(9)); err != nil {
		t.Fatal(err)
	}
	if now := outputs(t, here, id); len(now["s"]) != 9 || now["name"] != out["name"] {
		t.Errorf("after the update: got %v", now)
	}
	state("UPDATE_COMPLETE")
	for _, action := range []string{"check", "suspend", "resume"} {
		if err := here.Act(t.Context(), id, action); err != nil {
			t.Fatal(err)
		}
		want := strings.ToUpper(action) + "_COMPLETE"
		if st := await(t, here, id); st.Status != want {
			t.Fatalf("here it is %s: %s", st.Status, st.StatusReason)
		}
		state(want)
	}
	if err := here.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	gone(t, there, out["name"])
}

// TestFailureInAnotherRegion is told here with its reason.
func TestFailureInAnotherRegion(t *testing.T) {
	here, there, _, _ := twoRegions(t)
	r := outer(6)
	r.Files = nil
	r.Template = strings.Replace(r.Template, "My::Word", "OS::No::Such", 1)
	id, err := here.Create(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if st := await(t, here, id); st.Status != "CREATE_FAILED" || !strings.Contains(st.StatusReason, "OS::No::Such") || !strings.Contains(st.StatusReason, `"RegionTwo"`) {
		t.Errorf("got %s: %s", st.Status, st.StatusReason)
	}
	if all, err := there.Stacks(t.Context(), client.List{}); err != nil || len(all) != 0 {
		t.Errorf("there are %v, %v", all, err)
	}
}

// TestRegionsThatFail: answers that are lost, servers that are down, slow or confused, and
// tokens that have ended make nothing twice and leave nothing over.
func TestRegionsThatFail(t *testing.T) {
	first := func(method string, do func(w http.ResponseWriter, r *http.Request, pass http.Handler)) func(http.ResponseWriter, *http.Request, http.Handler) {
		var once sync.Once
		return func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
			now := false
			if r.Method == method {
				once.Do(func() { now = true })
			}
			if now {
				do(w, r, pass)
				return
			}
			pass.ServeHTTP(w, r)
		}
	}
	lost := func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		pass.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	status := func(code int) func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(code) }
	}
	for name, rule := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		"the answer to the creation is lost": first(http.MethodPost, lost),
		"the creation is not heard":          first(http.MethodPost, broken),
		"busy at the creation":               first(http.MethodPost, status(http.StatusServiceUnavailable)),
		"a look breaks off":                  first(http.MethodGet, broken),
		"the proxy there has lost its Heat":  first(http.MethodGet, status(http.StatusBadGateway)),
		"half an answer": first(http.MethodGet, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			_, _ = io.WriteString(w, `{"stack": {"id": "`)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			here, there, d, _ := twoRegions(t)
			d.does(rule)
			id, err := here.Create(t.Context(), outer(6))
			if err != nil {
				t.Fatal(err)
			}
			out := outputs(t, here, id)
			if len(out["s"]) != 6 {
				st, _ := here.Stack(t.Context(), id)
				t.Fatalf("got %v: %+v", out, st)
			}
			if all, err := there.Stacks(t.Context(), client.List{}); err != nil || len(all) != 1 {
				t.Errorf("there are %v, %v, want one stack", all, err)
			}
			d.does(first(http.MethodDelete, lost))
			if err := here.Delete(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			gone(t, there, out["name"])
			gone(t, here, "a")
		})
	}
}

// TestRegionThatIsDown: a stack waits for a region that goes away while it is made, also over a restart
// here, and is deleted when it is back.
func TestRegionThatIsDown(t *testing.T) {
	second := start(t, config(t))
	base, path, _ := strings.Cut(second.URL, "/v1/")
	d := newDoor(t, base)
	c := config(t)
	c.Regions = map[string]app.CloudConfig{"RegionTwo": {
		CloudLogin: app.CloudLogin{Endpoint: d.URL + "/v1/" + path, Token: second.Token}, Projects: map[string]app.CloudLogin{"*": {}},
	}}
	r := start(t, c)
	here, there := dial(t, r.Server), dial(t, second.Server)
	posted := make(chan struct{})
	var once sync.Once
	d.does(func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if r.Method != http.MethodPost {
			broken(w, r, pass)
		}
		pass.ServeHTTP(w, r)
		once.Do(func() { close(posted) })
	})
	id, err := here.Create(t.Context(), outer(6))
	if err != nil {
		t.Fatal(err)
	}
	<-posted
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	here = dial(t, start(t, c).Server)
	if st, err := here.Stack(t.Context(), id); err != nil || st.Status != "CREATE_IN_PROGRESS" {
		t.Errorf("while the region is down: %+v, %v", st, err)
	}
	d.does(nil)
	if out := outputs(t, here, id); len(out["s"]) != 6 {
		t.Fatalf("got %v", out)
	}
	if all, err := there.Stacks(t.Context(), client.List{}); err != nil || len(all) != 1 {
		t.Errorf("there are %v, %v, want one stack", all, err)
	}
	// Deleted there behind our back.
	all, _ := there.Stacks(t.Context(), client.List{})
	if err := there.Delete(t.Context(), all[0].ID); err != nil {
		t.Fatal(err)
	}
	gone(t, there, all[0].Name)
	if err := here.Act(t.Context(), id, "check"); err != nil {
		t.Fatal(err)
	}
	if st := await(t, here, id); st.Status != "CHECK_FAILED" {
		t.Errorf("got %s: %s, want the check to miss it", st.Status, st.StatusReason)
	}
	if err := here.Update(t.Context(), id, outer(6)); err != nil {
		t.Fatal(err)
	}
	if out := outputs(t, here, id); len(out["s"]) != 6 {
		t.Errorf("after the update: %v", out)
	}
	if err := here.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	gone(t, here, "a")
	if all, err := there.Stacks(t.Context(), client.List{}); err != nil || len(all) != 0 {
		t.Errorf("left over there: %v, %v", all, err)
	}
}

// TestRegionSendsOn keeps the token from a server that an answer names.
func TestRegionSendsOn(t *testing.T) {
	var got []string
	stranger := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("X-Auth-Token"))
	}))
	defer stranger.Close()
	here, _, d, c := twoRegions(t)
	d.does(func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if r.Method == http.MethodPost {
			pass.ServeHTTP(w, r)
			return
		}
		http.Redirect(w, r, stranger.URL, http.StatusFound)
	})
	id, err := here.Create(t.Context(), outer(6))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		d.mu.Lock()
		looks := len(d.seen)
		d.mu.Unlock()
		if looks >= 3 {
			break
		}
	}
	if len(got) != 0 {
		t.Errorf("a stranger was asked, with the token %q", got)
	}
	evs, err := here.Events(t.Context(), id, client.Events{})
	if err != nil {
		t.Fatal(err)
	}
	if token := c.Regions["RegionTwo"].Token; strings.Contains(fmt.Sprint(evs), token) {
		t.Errorf("an event tells the token")
	}
	d.does(nil)
	await(t, here, id)
}

// TestRegionsByKeystone logs in at the other region's Keystone, and is refused what is not allowed.
func TestRegionsByKeystone(t *testing.T) {
	two := config(t)
	two.People.Projects = map[string]app.ProjectConfig{"theirs": {}}
	two.People.Users = map[string]app.UserConfig{"stoker": {
		Password: "$2b$05$C0DH3SfOIkgQ0cUtmQuEVe5isNmsvKpY5LbyGvbPXDR7rqGcx4ijq", // of "password"
		Roles:    map[string][]string{"theirs": {"member"}},
	}}
	two.People.Identity.Region = "two"
	second := start(t, two)
	base, _, _ := strings.Cut(second.URL, "/v1")
	login := app.CloudLogin{AuthURL: base + "/v3", Username: "stoker", Password: "password", ProjectName: "theirs", RegionName: "two"}
	wrong := login
	wrong.Password = "secret-that-is-wrong"
	c := config(t)
	c.TokensFile = filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(c.TokensFile, []byte("alice-0123456789abcdef shop\nbob-0123456789abcdef other\ncarol-0123456789abcdef third\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Regions = map[string]app.CloudConfig{"RegionTwo": {CloudLogin: login, Projects: map[string]app.CloudLogin{"shop": {}, "other": wrong}}}
	r := start(t, c)
	ours, _, _ := strings.Cut(r.URL, "/v1/")
	alice := dial(t, app.Server{URL: ours + "/v1/shop", Token: "alice-0123456789abcdef"})
	bob := dial(t, app.Server{URL: ours + "/v1/other", Token: "bob-0123456789abcdef"})
	carol := dial(t, app.Server{URL: ours + "/v1/third", Token: "carol-0123456789abcdef"})
	id, err := alice.Create(t.Context(), outer(6))
	if err != nil {
		t.Fatal(err)
	}
	if out := outputs(t, alice, id); len(out["s"]) != 6 {
		st, _ := alice.Stack(t.Context(), id)
		t.Errorf("got %v: %+v", out, st)
	}
	if err := alice.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	gone(t, alice, "a")
	if _, err := carol.Create(t.Context(), outer(6)); err == nil || !strings.Contains(err.Error(), "may not make stacks there") {
		t.Errorf("one who may not: %v", err)
	}
	id, err = bob.Create(t.Context(), outer(6))
	if err != nil {
		t.Fatal(err)
	}
	if st := await(t, bob, id); st.Status != "CREATE_FAILED" || !strings.Contains(st.StatusReason, "log in at") || strings.Contains(st.StatusReason, wrong.Password) {
		t.Errorf("a wrong password: %s: %s", st.Status, st.StatusReason)
	}
}

// TestRegionsRefused holds configurations that cannot be.
func TestRegionsRefused(t *testing.T) {
	all := map[string]app.CloudLogin{"*": {}}
	for says, r := range map[string]app.CloudConfig{
		"no project may":      {CloudLogin: app.CloudLogin{Endpoint: "http://x/v1/p", Token: "t"}},
		"not said where":      {Projects: all},
		"needs a token":       {CloudLogin: app.CloudLogin{Endpoint: "http://x/v1/p"}, Projects: all},
		"not whole":           {CloudLogin: app.CloudLogin{AuthURL: "http://x/v3", Username: "u"}, Projects: all},
		"it is missing":       {CloudLogin: app.CloudLogin{AuthURL: "http://x/v3", ApplicationCredentialID: "u"}, Projects: all},
		"a password or an ap": {CloudLogin: app.CloudLogin{AuthURL: "http://x/v3", Token: "u"}, Projects: all},
		"no address":          {CloudLogin: app.CloudLogin{Endpoint: "x/v1/p", Token: "t"}, Projects: all},
		"none of public":      {CloudLogin: app.CloudLogin{Endpoint: "http://x/v1/p", Token: "t", Interface: "x"}, Projects: all},
	} {
		c := config(t)
		c.Regions = map[string]app.CloudConfig{"Two": r}
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "regions.Two") {
			t.Errorf("got %v, want it to say %q", err, says)
		}
	}
	c := config(t)
	c.Regions = map[string]app.CloudConfig{"RegionOne": {CloudLogin: app.CloudLogin{Endpoint: "http://x/v1/p", Token: "t"}, Projects: all}}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "this region") {
		t.Errorf("our own: %v", err)
	}
}
