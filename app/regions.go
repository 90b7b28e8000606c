package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/client"
	"github.com/stoker-project/stoker/client/cloud"
	"github.com/stoker-project/stoker/resource/heat"
)

// RegionConfig is another region, where OS::Heat::Stack makes stacks.
type RegionConfig struct {
	RegionLogin `yaml:",inline"`
	// Projects may make stacks there, by their IDs; "*" is every other one. A login of a
	// project's own takes the place of the common one.
	Projects map[string]RegionLogin `yaml:"projects"`
}

// RegionLogin is how a region's Heat is found: through its Keystone, or by its address and a
// token.
type RegionLogin struct {
	AuthURL           string `yaml:"auth_url"`
	Username          string `yaml:"username"`
	UserDomainName    string `yaml:"user_domain_name"` // default: Default
	Password          string `yaml:"password"`
	ProjectName       string `yaml:"project_name"`
	ProjectID         string `yaml:"project_id"`
	ProjectDomainName string `yaml:"project_domain_name"` // default: Default

	ApplicationCredentialID     string `yaml:"application_credential_id"`
	ApplicationCredentialSecret string `yaml:"application_credential_secret"`

	// Endpoint is the address of its Heat, with the project: http://host:8004/v1/PROJECT.
	Endpoint string `yaml:"endpoint"`
	Token    string `yaml:"token"`

	// RegionName is what the Keystone's catalog calls the region; default: its name here.
	RegionName string `yaml:"region_name"`
	Interface  string `yaml:"interface"` // public, internal or admin
	CACert     string `yaml:"cacert"`    // a file
	Insecure   bool   `yaml:"insecure"`  // any certificate is good
}

// env is the login as client/cloud reads one.
func (l RegionLogin) env(region string) func(string) string {
	vars := map[string]string{
		"OS_AUTH_URL": l.AuthURL, "OS_USERNAME": l.Username, "OS_USER_DOMAIN_NAME": l.UserDomainName, "OS_PASSWORD": l.Password,
		"OS_PROJECT_NAME": l.ProjectName, "OS_PROJECT_ID": l.ProjectID, "OS_PROJECT_DOMAIN_NAME": l.ProjectDomainName,
		"OS_APPLICATION_CREDENTIAL_ID": l.ApplicationCredentialID, "OS_APPLICATION_CREDENTIAL_SECRET": l.ApplicationCredentialSecret,
		"OS_ENDPOINT": l.Endpoint, "OS_TOKEN": l.Token, "OS_AUTH_TYPE": "admin_token",
		"OS_REGION_NAME": cmp.Or(l.RegionName, region), "OS_INTERFACE": l.Interface, "OS_CACERT": l.CACert, "OS_INSECURE": strconv.FormatBool(l.Insecure),
	}
	return func(name string) string { return vars[name] }
}

// secret tells whether there is one in it.
func (l RegionLogin) secret() bool { return l.Password+l.ApplicationCredentialSecret+l.Token != "" }

func (l RegionLogin) validate(path string) error {
	switch {
	case (l.AuthURL == "") == (l.Endpoint == ""):
		return fault(path, "Give auth_url of its Keystone with a login, or endpoint of its Heat with a token.", "it is not said where the region is")
	case l.Endpoint != "" && l.Token == "":
		return fault(path+".token", "", "an endpoint needs a token")
	case l.AuthURL != "" && l.Token != "":
		return fault(path+".token", "It goes with endpoint.", "a Keystone takes a password or an application credential here, not a token")
	case l.AuthURL != "" && l.ApplicationCredentialID == "" && (l.Username == "" || l.Password == "" || l.ProjectName+l.ProjectID == ""):
		return fault(path, "Give username, password and project_name, or application_credential_id and application_credential_secret.", "the login is not whole")
	case l.ApplicationCredentialID != "" && l.ApplicationCredentialSecret == "":
		return fault(path+".application_credential_secret", "", "it is missing")
	case !slices.Contains([]string{"", "public", "internal", "admin"}, l.Interface):
		return fault(path+".interface", "", "%q is none of public, internal and admin", l.Interface)
	}
	for name, address := range map[string]string{"auth_url": l.AuthURL, "endpoint": l.Endpoint} {
		if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
			return fault(path+"."+name, "It looks like https://host:5000/v3.", "%q is no address of HTTP or HTTPS", address)
		}
	}
	return nil
}

// login is that of a project.
func (c RegionConfig) login(project string) RegionLogin {
	if l := c.Projects[project]; l != (RegionLogin{}) {
		return l
	}
	return c.RegionLogin
}

func validateRegions(own string, rs map[string]RegionConfig) error {
	for _, name := range slices.Sorted(maps.Keys(rs)) {
		path := "regions." + name
		if name == own {
			return fault(path, "It is identity.region.", "this region is called so itself")
		}
		if len(rs[name].Projects) == 0 {
			return fault(path+".projects", `Name them, or allow all with "*": {}.`, "no project may make stacks there")
		}
		for _, project := range slices.Sorted(maps.Keys(rs[name].Projects)) {
			if err := rs[name].login(project).validate(path + ".projects." + project); err != nil {
				return err
			}
		}
	}
	return nil
}

func secretRegions(rs map[string]RegionConfig) bool {
	for _, r := range rs {
		if r.secret() || slices.ContainsFunc(slices.Collect(maps.Values(r.Projects)), RegionLogin.secret) {
			return true
		}
	}
	return false
}

// regions makes stacks elsewhere. A login is made when it is needed first, and shared.
type regions struct {
	config map[string]RegionConfig
	log    *slog.Logger

	mu     sync.Mutex
	logins map[RegionLogin]*login
}

// login is a connection that is made once; turn is held while it is made.
type login struct {
	turn   sync.Mutex
	client *client.Client
}

func newRegions(config map[string]RegionConfig, log *slog.Logger) *regions {
	return &regions{config: config, log: log, logins: map[RegionLogin]*login{}}
}

// at is heat.Deps.Regions. It connects to nothing.
func (r *regions) at(project stoker.ProjectID, name string) (heat.Stacks, error) {
	c, ok := r.config[name]
	if !ok {
		return nil, &stoker.Error{Kind: stoker.Invalid, Message: "it is not known here",
			Hint: "The configuration of Stoker names other regions under regions."}
	}
	key := string(project)
	if _, ok := c.Projects[key]; !ok {
		key = everyProject
	}
	if _, ok := c.Projects[key]; !ok {
		return nil, &stoker.Error{Kind: stoker.Forbidden, Message: fmt.Sprintf("project %q may not make stacks there", project),
			Hint: fmt.Sprintf("The configuration of Stoker allows it under regions.%s.projects.", name)}
	}
	l := c.login(key)
	l.RegionName = cmp.Or(l.RegionName, name)
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.logins[l]
	if one == nil {
		one = &login{}
		r.logins[l] = one
	}
	return &elsewhere{region: name, how: l, login: one, log: r.log.With("region", name)}, nil
}

// The pauses between two looks at a stack elsewhere, and how long a server there may
// take for one answer.
const (
	firstLook     = 250 * time.Millisecond
	lastLook      = 5 * time.Second
	regionTimeout = time.Minute
	beginTimeout  = 10 * time.Second
	maxRegionBody = 32 << 20
)

// elsewhere is the Heat of another region, for a project. Its stacks are told by their
// names: each has that of the resource that it is for, with 60 bits of the resource's ID.
type elsewhere struct {
	region string
	how    RegionLogin
	login  *login
	log    *slog.Logger
}

var _ heat.Stacks = (*elsewhere)(nil)

// connect logs in, if that has not been done.
func (e *elsewhere) connect(ctx context.Context) (*client.Client, error) {
	e.login.turn.Lock()
	defer e.login.turn.Unlock()
	if e.login.client != nil {
		return e.login.client, nil
	}
	found, err := cloud.Open(ctx, "", e.how.env(e.region))
	if err != nil {
		return nil, err
	}
	found.HTTP.Transport = careful{found.HTTP.Transport}
	found.HTTP.CheckRedirect = sameHost
	e.login.client, err = client.New(client.Config{URL: found.URL, HTTP: found.HTTP})
	return e.login.client, err
}

// careful bounds what one answer may cost: time and memory.
type careful struct{ under http.RoundTripper }

func (c careful) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.under.RoundTrip(r)
	if err == nil {
		res.Body = http.MaxBytesReader(nil, res.Body, maxRegionBody)
	}
	return res, err
}

// sameHost keeps the token from strangers.
func sameHost(to *http.Request, via []*http.Request) error {
	if to.URL.Host != via[0].URL.Host || to.URL.Scheme != via[0].URL.Scheme || len(via) > 10 {
		return fmt.Errorf("it sends on to %s", to.URL.Host)
	}
	return nil
}

// ask asks once.
func (e *elsewhere) ask(ctx context.Context, question func(context.Context, *client.Client) error) error {
	bounded, stop := context.WithTimeoutCause(ctx, regionTimeout, &stoker.Error{Kind: stoker.Unavailable, Message: "it does not answer in time"})
	defer stop()
	cl, err := e.connect(bounded)
	if err == nil {
		err = question(bounded, cl)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	kind := stoker.KindOf(err)
	if kind == stoker.Internal || errors.Is(err, io.ErrUnexpectedEOF) {
		kind = stoker.Unavailable // it broke off, or answered what it should not
	}
	out := &stoker.Error{Kind: kind, Message: fmt.Sprintf("Heat in region %q", e.region), Err: err}
	if known, ok := stoker.AsError(err); ok {
		out.Type = known.Type
	}
	return out
}

// until looks at a stack until it is as wanted. A region that does not answer is waited for
// as long as ctx lasts.
func (e *elsewhere) until(ctx context.Context, ident string, wanted func(*client.Stack) bool) (*client.Stack, error) {
	pause, silent := firstLook, false
	for {
		var st *client.Stack
		err := e.ask(ctx, func(ctx context.Context, cl *client.Client) (err error) {
			st, err = cl.Brief(ctx, ident)
			return err
		})
		switch {
		case ctx.Err() != nil:
			return nil, cmp.Or(err, context.Cause(ctx))
		case stoker.IsKind(err, stoker.Unavailable):
			if !silent {
				e.log.Warn("another region does not answer and is waited for", "stack", ident, "err", err)
			}
			silent = true
		case err != nil:
			return nil, err
		case wanted(st):
			return st, nil
		default:
			silent = false
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, cmp.Or(err, context.Cause(ctx))
		case <-t.C:
		}
		pause = min(2*pause, lastLook)
	}
}

// begun waits until a stack shows that what it was asked for has begun: Heat answers
// before. What has been over too soon to be seen is not waited for long.
func (e *elsewhere) begun(ctx context.Context, id string, shows func(*client.Stack) bool) error {
	bounded, stop := context.WithTimeout(ctx, beginTimeout)
	defer stop()
	_, err := e.until(bounded, id, shows)
	if bounded.Err() != nil && ctx.Err() == nil {
		return nil
	}
	return err
}

func idle(st *client.Stack) bool { return !strings.HasSuffix(st.Status, "_IN_PROGRESS") }

// PutStack implements heat.Stacks.
func (e *elsewhere) PutStack(ctx context.Context, w heat.StandingStack) (stoker.StackID, error) {
	no := true
	r := client.Request{Name: w.Name, Template: w.Template, Files: w.Files, Environment: w.Environment, Parameters: w.Parameters,
		TimeoutMins: int(w.Timeout / time.Minute), DisableRollback: &no}
	id := ""
	err := e.ask(ctx, func(ctx context.Context, cl *client.Client) (err error) {
		id, err = cl.Create(ctx, r)
		return err
	})
	if !stoker.IsKind(err, stoker.Exists) {
		return stoker.StackID(id), err
	}
	r.Name = "" // an update has none
	for {
		st, err := e.until(ctx, w.Name, idle)
		if err != nil {
			return "", err
		}
		err = e.ask(ctx, func(ctx context.Context, cl *client.Client) error { return cl.Update(ctx, st.ID, r) })
		if stoker.IsKind(err, stoker.Conflict) {
			continue // something else has begun there
		}
		if err == nil {
			err = e.begun(ctx, st.ID, func(now *client.Stack) bool {
				return !idle(now) || now.Updated != nil && (st.Updated == nil || !now.Updated.Equal(*st.Updated))
			})
		}
		return stoker.StackID(st.ID), err
	}
}

// AwaitStack implements heat.Stacks.
func (e *elsewhere) AwaitStack(ctx context.Context, id stoker.StackID) error {
	st, err := e.until(ctx, string(id), idle)
	if err != nil {
		return err
	}
	return e.complete(st)
}

func (e *elsewhere) complete(st *client.Stack) error {
	action, status, _ := strings.Cut(st.Status, "_")
	if status == string(stoker.StatusComplete) && action != string(stoker.ActionDelete) && action != string(stoker.ActionRollback) {
		return nil
	}
	return &stoker.Error{Kind: stoker.Conflict, Type: "ResourceInError",
		Message: fmt.Sprintf("stack %s in region %q is %s: %s", st.Name, e.region, st.Status, st.StatusReason)}
}

// ActOnStack implements heat.Stacks.
func (e *elsewhere) ActOnStack(ctx context.Context, id stoker.StackID, action string) error {
	st, err := e.until(ctx, string(id), idle)
	if err != nil {
		return err
	}
	if st.Status == "DELETE_COMPLETE" {
		return stoker.Errorf(stoker.NotFound, "stack %s was deleted in region %q", st.Name, e.region)
	}
	if done(action, st.Status) {
		return nil
	}
	err = e.ask(ctx, func(ctx context.Context, cl *client.Client) error { return cl.Act(ctx, st.ID, action) })
	if err == nil {
		err = e.begun(ctx, st.ID, func(now *client.Stack) bool { return strings.HasPrefix(now.Status, strings.ToUpper(action)+"_") })
	}
	if err != nil {
		return err
	}
	return e.AwaitStack(ctx, id)
}

// StackOutputs implements heat.Stacks.
func (e *elsewhere) StackOutputs(ctx context.Context, id stoker.StackID) (map[string]any, error) {
	out := map[string]any{}
	err := e.ask(ctx, func(ctx context.Context, cl *client.Client) error {
		all, err := cl.Outputs(ctx, string(id))
		for _, o := range all {
			out[o.Key] = o.Value
		}
		return err
	})
	return out, err
}

// RemoveStack implements heat.Stacks.
func (e *elsewhere) RemoveStack(ctx context.Context, _ stoker.ProjectID, name string) error {
	st, err := e.until(ctx, name, func(*client.Stack) bool { return true })
	for asked := false; err == nil && st.Status != "DELETE_COMPLETE"; asked = true {
		if asked && st.Status == "DELETE_FAILED" {
			return e.complete(st)
		}
		if st.Status != "DELETE_IN_PROGRESS" {
			err = e.ask(ctx, func(ctx context.Context, cl *client.Client) error { return cl.Delete(ctx, st.ID) })
			if err != nil && !stoker.IsKind(err, stoker.Conflict) && !stoker.IsKind(err, stoker.Unavailable) {
				break
			}
		}
		st, err = e.until(ctx, st.ID, func(st *client.Stack) bool { return idle(st) })
	}
	if stoker.IsKind(err, stoker.NotFound) {
		return nil
	}
	return err
}
