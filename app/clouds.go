package app

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/client/cloud"
)

// CloudConfig is a service of OpenStack elsewhere, or one that speaks like it, and who may
// use it.
type CloudConfig struct {
	CloudLogin `yaml:",inline"`
	// Projects may use it, by their IDs; "*" is every other one. A login of a project's own
	// takes the place of the common one.
	Projects map[string]CloudLogin `yaml:"projects"`
}

// CloudLogin is how a service is found: through its Keystone, or by its address and a
// token.
type CloudLogin struct {
	AuthURL           string `yaml:"auth_url"`
	Username          string `yaml:"username"`
	UserDomainName    string `yaml:"user_domain_name"` // default: Default
	Password          string `yaml:"password"`
	ProjectName       string `yaml:"project_name"`
	ProjectID         string `yaml:"project_id"`
	ProjectDomainName string `yaml:"project_domain_name"` // default: Default

	ApplicationCredentialID     string `yaml:"application_credential_id"`
	ApplicationCredentialSecret string `yaml:"application_credential_secret"`

	// Endpoint is the address of the service, that of a Heat with the project:
	// http://host:8004/v1/PROJECT.
	Endpoint string `yaml:"endpoint"`
	Token    string `yaml:"token"`

	// RegionName is what the Keystone's catalog calls the region; default: its name here, or
	// any where it has none here.
	RegionName string `yaml:"region_name"`
	Interface  string `yaml:"interface"` // public, internal or admin
	CACert     string `yaml:"cacert"`    // a file
	Insecure   bool   `yaml:"insecure"`  // any certificate is good
}

// env is the login as client/cloud reads one.
func (l CloudLogin) env() func(string) string {
	vars := map[string]string{
		"OS_AUTH_URL": l.AuthURL, "OS_USERNAME": l.Username, "OS_USER_DOMAIN_NAME": l.UserDomainName, "OS_PASSWORD": l.Password,
		"OS_PROJECT_NAME": l.ProjectName, "OS_PROJECT_ID": l.ProjectID, "OS_PROJECT_DOMAIN_NAME": l.ProjectDomainName,
		"OS_APPLICATION_CREDENTIAL_ID": l.ApplicationCredentialID, "OS_APPLICATION_CREDENTIAL_SECRET": l.ApplicationCredentialSecret,
		"OS_ENDPOINT": l.Endpoint, "OS_TOKEN": l.Token, "OS_AUTH_TYPE": "admin_token",
		"OS_REGION_NAME": l.RegionName, "OS_INTERFACE": l.Interface, "OS_CACERT": l.CACert, "OS_INSECURE": strconv.FormatBool(l.Insecure),
	}
	return func(name string) string { return vars[name] }
}

// secret tells whether there is one in it.
func (l CloudLogin) secret() bool { return l.Password+l.ApplicationCredentialSecret+l.Token != "" }

// validate says what is wrong with a login for a service, which may do without tokens.
func (l CloudLogin) validate(path, service string, tokens bool) error {
	switch {
	case (l.AuthURL == "") == (l.Endpoint == ""):
		return fault(path, fmt.Sprintf("Give auth_url of its Keystone with a login, or endpoint of its %s with a token.", service), "it is not said where %s is", service)
	case l.Endpoint != "" && l.Token == "" && tokens:
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

// validate says what is wrong; what is done there is said where nobody may do it.
func (c CloudConfig) validate(path, service string, tokens bool, done string) error {
	if len(c.Projects) == 0 {
		return fault(path+".projects", `Name them, or allow all with "*": {}.`, "no project may %s", done)
	}
	for _, project := range slices.Sorted(maps.Keys(c.Projects)) {
		if err := cmp.Or(c.Projects[project], c.CloudLogin).validate(path+".projects."+project, service, tokens); err != nil {
			return err
		}
	}
	return nil
}

// secret tells whether there is one in it.
func (c CloudConfig) secret() bool {
	return c.CloudLogin.secret() || slices.ContainsFunc(slices.Collect(maps.Values(c.Projects)), CloudLogin.secret)
}

// login is that of a project; Forbidden if it has none, and may not do there what is done.
func (c CloudConfig) login(project stoker.ProjectID, path, done string) (CloudLogin, error) {
	own, ok := c.Projects[string(project)]
	if !ok {
		own, ok = c.Projects[everyProject]
	}
	if !ok {
		return CloudLogin{}, &stoker.Error{Kind: stoker.Forbidden, Message: fmt.Sprintf("project %q may not %s", project, done),
			Hint: fmt.Sprintf("The configuration of Stoker allows it under %s.projects.", path)}
	}
	return cmp.Or(own, c.CloudLogin), nil
}

// logins are connections to services. Each is made when it is needed first, and shared by
// those that log in alike.
type logins struct {
	open func(ctx context.Context, name string, env func(string) string) (*cloud.Service, error)

	mu   sync.Mutex
	made map[CloudLogin]*login
}

// login is a connection that is made once; turn is held while it is made.
type login struct {
	turn    sync.Mutex
	service *cloud.Service
}

// connect logs in, if that has not been done.
func (ls *logins) connect(ctx context.Context, how CloudLogin) (*cloud.Service, error) {
	ls.mu.Lock()
	if ls.made == nil {
		ls.made = map[CloudLogin]*login{}
	}
	l := ls.made[how]
	if l == nil {
		l = &login{}
		ls.made[how] = l
	}
	ls.mu.Unlock()
	l.turn.Lock()
	defer l.turn.Unlock()
	if l.service != nil {
		return l.service, nil
	}
	found, err := ls.open(ctx, "", how.env())
	if err != nil {
		return nil, err
	}
	found.HTTP.Transport = careful{found.HTTP.Transport}
	found.HTTP.CheckRedirect = sameHost
	l.service = found
	return found, nil
}

// maxAnswer is how long an answer of a service may be, in bytes.
const maxAnswer = 32 << 20

// careful bounds what one answer may cost.
type careful struct{ under http.RoundTripper }

func (c careful) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.under.RoundTrip(r)
	if err == nil {
		res.Body = http.MaxBytesReader(nil, res.Body, maxAnswer)
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
