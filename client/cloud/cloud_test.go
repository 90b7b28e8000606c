package cloud_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/orchestration/v1/buildinfo"
	"github.com/gophercloud/gophercloud/v2/openstack/orchestration/v1/resourcetypes"
	"github.com/gophercloud/gophercloud/v2/openstack/orchestration/v1/stackevents"
	"github.com/gophercloud/gophercloud/v2/openstack/orchestration/v1/stackresources"
	"github.com/gophercloud/gophercloud/v2/openstack/orchestration/v1/stacks"
	"github.com/gophercloud/gophercloud/v2/openstack/orchestration/v1/stacktemplates"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
	"github.com/stoker-project/stoker/client/cloud"
)

const patience = 20 * time.Second

// openCloud starts a Stoker with a Keystone of its own, and gives its address.
func openCloud(t *testing.T) string {
	t.Helper()
	c := app.Default()
	c.Listen, c.Data = "127.0.0.1:0", filepath.Join(t.TempDir(), "data")
	c.People.Projects = map[string]app.ProjectConfig{"shop": {}}
	c.People.Users = map[string]app.UserConfig{"alice": {
		Password: "$2b$05$C0DH3SfOIkgQ0cUtmQuEVe5isNmsvKpY5LbyGvbPXDR7rqGcx4ijq", // of "password"
		Roles:    map[string][]string{"shop": {"member"}}, DefaultProject: "shop",
	}}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan app.Server, 1), make(chan error, 1)
	go func() { ended <- app.Run(ctx, c, func(s app.Server) { ready <- s }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	select {
	case s := <-ready:
		base, _, _ := strings.Cut(s.URL, "/v1")
		return base
	case <-time.After(patience):
		t.Fatal("it does not start")
	}
	return ""
}

func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

func password(base string) func(string) string {
	return env("OS_AUTH_URL", base+"/v3", "OS_USERNAME", "alice", "OS_PASSWORD", "password", "OS_PROJECT_NAME", "shop",
		"OS_USER_DOMAIN_NAME", "Default", "OS_PROJECT_DOMAIN_NAME", "Default")
}

// use lists and makes stacks with our own client.
func use(t *testing.T, h *cloud.Service) {
	t.Helper()
	c, err := client.New(client.Config{URL: h.URL, HTTP: h.HTTP})
	if err != nil {
		t.Fatal(err)
	}
	id, err := c.Create(t.Context(), client.Request{Name: "a", Template: "heat_template_version: 2018-08-31"})
	if err != nil {
		t.Fatal(err)
	}
	if st, err := c.Stack(t.Context(), "a"); err != nil || st.ID != id {
		t.Errorf("got %+v, %v", st, err)
	}
}

func TestEnvironment(t *testing.T) {
	base := openCloud(t)
	h, err := cloud.Open(t.Context(), "", password(base))
	if err != nil {
		t.Fatal(err)
	}
	use(t, h)
	for name, want := range map[string]struct {
		env  func(string) string
		kind stoker.Kind
	}{
		"wrong password": {env("OS_AUTH_URL", base+"/v3", "OS_USERNAME", "alice", "OS_PASSWORD", "no"), stoker.Forbidden},
		"no user":        {env("OS_AUTH_URL", base+"/v3"), stoker.Invalid},
		"nobody there":   {env("OS_AUTH_URL", "http://127.0.0.1:1/v3", "OS_USERNAME", "a", "OS_PASSWORD", "b"), stoker.Unavailable},
		"endpoint only":  {env("OS_ENDPOINT", base+"/v1/shop"), stoker.Invalid},
		"other region":   {with(password(base), "OS_REGION_NAME", "elsewhere"), stoker.NotFound},
	} {
		if _, err := cloud.Open(t.Context(), "", want.env); !stoker.IsKind(err, want.kind) {
			t.Errorf("%s: got %v, want kind %s", name, err, want.kind)
		}
	}
}

func with(env func(string) string, name, value string) func(string) string {
	return func(n string) string {
		if n == name {
			return value
		}
		return env(n)
	}
}

func TestCloudsYAML(t *testing.T) {
	base := openCloud(t)
	path := filepath.Join(t.TempDir(), "clouds.yaml")
	text := "clouds:\n  mine:\n    region_name: RegionOne\n    auth: {auth_url: " + base + "/v3, username: alice, password: password, project_name: shop, user_domain_name: Default, project_domain_name: Default}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OS_CLIENT_CONFIG_FILE", path)
	h, err := cloud.Open(t.Context(), "mine", env())
	if err != nil {
		t.Fatal(err)
	}
	use(t, h)
	if _, err := cloud.Open(t.Context(), "", env("OS_CLOUD", "mine")); err != nil {
		t.Error(err)
	}
	if _, err := cloud.Open(t.Context(), "none", env()); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("got %v", err)
	}
}

// TestTokenThatHasEnded gets a new one in the middle, also for requests with a body.
func TestTokenThatHasEnded(t *testing.T) {
	base := openCloud(t)
	h, err := cloud.Open(t.Context(), "", password(base))
	if err != nil {
		t.Fatal(err)
	}
	cloud.Spoil(h)
	use(t, h)
}

// TestGophercloud has gophercloud's own client of Heat do what it can.
func TestGophercloud(t *testing.T) {
	base := openCloud(t)
	ctx := t.Context()
	provider, err := openstack.AuthenticatedClient(ctx, gophercloud.AuthOptions{
		IdentityEndpoint: base + "/v3", Username: "alice", Password: "password", DomainName: "Default", TenantName: "shop",
	})
	if err != nil {
		t.Fatal(err)
	}
	heat, err := openstack.NewOrchestrationV1(provider, gophercloud.EndpointOpts{})
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &stacks.Template{TE: stacks.TE{Bin: []byte("heat_template_version: 2018-08-31\nparameters: {length: {type: number, default: 8}}\nresources:\n  s: {type: OS::Heat::RandomString, properties: {length: {get_param: length}}}\noutputs: {s: {value: {get_attr: [s, value]}}}\n")}}
	made, err := stacks.Create(ctx, heat, stacks.CreateOpts{Name: "g", TemplateOpts: tmpl, Tags: []string{"a"}, Parameters: map[string]any{"length": 5}}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	var st *stacks.RetrievedStack
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if st, err = stacks.Get(ctx, heat, "g", made.ID).Extract(); err != nil || st.Status == "CREATE_COMPLETE" {
			break
		}
	}
	if err != nil || st.Status != "CREATE_COMPLETE" || len(st.Outputs) != 1 || st.Parameters["length"] != "5" {
		t.Fatalf("got %+v, %v", st, err)
	}
	pages, err := stacks.List(heat, stacks.ListOpts{Tags: "a", SortKey: stacks.SortName}).AllPages(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := stacks.ExtractStacks(pages); err != nil || len(all) != 1 || all[0].Tags[0] != "a" {
		t.Errorf("got %+v, %v", all, err)
	}
	if found, err := stacks.Find(ctx, heat, "g").Extract(); err != nil || found.ID != made.ID {
		t.Errorf("find: got %+v, %v", found, err)
	}
	if pre, err := stacks.Preview(ctx, heat, stacks.PreviewOpts{Name: "p", TemplateOpts: tmpl, Timeout: 5}).Extract(); err != nil || len(pre.Resources) != 1 {
		t.Errorf("preview: got %+v, %v", pre, err)
	}
	if r, err := stackresources.Get(ctx, heat, "g", made.ID, "s").Extract(); err != nil || r.Status != "CREATE_COMPLETE" {
		t.Errorf("resource: got %+v, %v", r, err)
	}
	if pages, err := stackevents.List(heat, "g", made.ID, nil).AllPages(ctx); err != nil {
		t.Error(err)
	} else if events, err := stackevents.ExtractEvents(pages); err != nil || len(events) != 4 {
		t.Errorf("events: got %d, %v", len(events), err)
	}
	if types, err := resourcetypes.List(ctx, heat, resourcetypes.ListOpts{NameRegex: "RandomString"}).Extract(); err != nil || len(types) != 1 {
		t.Errorf("types: got %+v, %v", types, err)
	}
	if schema, err := resourcetypes.GetSchema(ctx, heat, "OS::Heat::RandomString").Extract(); err != nil || schema.Properties["length"].Type != resourcetypes.IntegerProperty {
		t.Errorf("schema: got %+v, %v", schema, err)
	}
	if text, err := resourcetypes.GenerateTemplate(ctx, heat, "OS::Heat::RandomString", nil).Extract(); err != nil || len(text) == 0 {
		t.Errorf("generated: got %s, %v", text, err)
	}
	if v, err := stacktemplates.Validate(ctx, heat, stacktemplates.ValidateOpts{Template: string(tmpl.Bin)}).Extract(); err != nil || v.Parameters["length"] == nil {
		t.Errorf("validate: got %+v, %v", v, err)
	}
	if text, err := stacktemplates.Get(ctx, heat, "g", made.ID).Extract(); err != nil || !strings.Contains(string(text), "RandomString") {
		t.Errorf("template: got %s, %v", text, err)
	}
	if b, err := buildinfo.Get(ctx, heat).Extract(); err != nil {
		t.Errorf("build info: got %+v, %v", b, err)
	}
	if err := stacks.UpdatePatch(ctx, heat, "g", made.ID, stacks.UpdateOpts{Parameters: map[string]any{"length": 6}}).ExtractErr(); err != nil {
		t.Error(err)
	}
	if err := stacks.Update(ctx, heat, "g", made.ID, stacks.UpdateOpts{TemplateOpts: tmpl}).ExtractErr(); err != nil {
		t.Error(err)
	}
	if err := stacks.Delete(ctx, heat, "g", made.ID).ExtractErr(); err != nil {
		t.Error(err)
	}
}
