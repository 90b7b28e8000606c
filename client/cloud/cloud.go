// Package cloud finds Heat, Zaqar or Swift in an OpenStack cloud: by the name of the cloud in
// clouds.yaml, or by the OS_ variables that OpenStack's own clients read. It
// authenticates, and gives an address and an HTTP client that bears tokens. What is
// said over it is package client's business.
//
// It starts no goroutine.
package cloud

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/config"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"

	"github.com/stoker-project/stoker"
)

// Service is where a service of a cloud is.
type Service struct {
	// URL is its address; Heat's with the project, Swift's with the account.
	URL string
	// HTTP sends each request with a token, and gets a new one when that has ended.
	HTTP *http.Client
}

// kind is a service as catalogs list it.
type kind struct {
	name, service string
	find          func(*gophercloud.ProviderClient, gophercloud.EndpointOpts) (*gophercloud.ServiceClient, error)
}

// Named tells whether the environment names a cloud.
func Named(env func(string) string) bool {
	return env("OS_CLOUD") != "" || env("OS_AUTH_URL") != "" || env("OS_ENDPOINT") != ""
}

// Open finds Heat in the cloud of that name in clouds.yaml; without a name, in the one that
// env describes. Errors: Invalid for what is missing, Forbidden, Unavailable.
func Open(ctx context.Context, name string, env func(string) string) (*Service, error) {
	return open(ctx, name, env, kind{"Heat", "orchestration", openstack.NewOrchestrationV1})
}

// OpenMessaging finds Zaqar, as Open finds Heat.
func OpenMessaging(ctx context.Context, name string, env func(string) string) (*Service, error) {
	return open(ctx, name, env, kind{"Zaqar", "messaging", func(p *gophercloud.ProviderClient, eo gophercloud.EndpointOpts) (*gophercloud.ServiceClient, error) {
		return openstack.NewMessagingV2(p, "", eo) // who asks is for the requests to say
	}})
}

// OpenObjectStore finds Swift, as Open finds Heat; its address is that of the project's account.
func OpenObjectStore(ctx context.Context, name string, env func(string) string) (*Service, error) {
	return open(ctx, name, env, kind{"Swift", "object-store", openstack.NewObjectStorageV1})
}

func open(ctx context.Context, name string, env func(string) string, k kind) (*Service, error) {
	if name == "" {
		name = env("OS_CLOUD")
	}
	if name == "" && env("OS_ENDPOINT") != "" {
		return byEndpoint(env)
	}
	ao, eo, tlsConfig, err := options(name, env)
	if err != nil {
		return nil, &stoker.Error{Kind: stoker.Invalid, Message: "read the cloud's settings", Err: err,
			Hint: "Give a cloud of clouds.yaml with --os-cloud, or OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME."}
	}
	ao.AllowReauth = true
	if tlsConfig == nil {
		tlsConfig = &tls.Config{}
	}
	provider, err := config.NewProviderClient(ctx, ao, config.WithTLSConfig(tlsConfig))
	if err != nil {
		return nil, explain(ao.IdentityEndpoint, err)
	}
	service, err := k.find(provider, eo)
	if err != nil {
		return nil, &stoker.Error{Kind: stoker.NotFound, Message: "the cloud has no " + k.name, Err: err,
			Hint: fmt.Sprintf("Its catalog needs a service of the type %s, in the region that is asked for.", k.service)}
	}
	return &Service{
		URL:  strings.TrimSuffix(service.ServiceURL(), "/"),
		HTTP: &http.Client{Transport: &bearer{provider, provider.HTTPClient.Transport}},
	}, nil
}

// byEndpoint takes a token and an address that are given as such, as
// OS_AUTH_TYPE=admin_token or none do.
func byEndpoint(env func(string) string) (*Service, error) {
	token := env("OS_TOKEN")
	if kind := env("OS_AUTH_TYPE"); kind != "admin_token" && kind != "none" {
		return nil, &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("OS_ENDPOINT goes with OS_AUTH_TYPE admin_token or none, not %q", kind)}
	}
	trust, err := trustFromEnv(env)
	if err != nil {
		return nil, &stoker.Error{Kind: stoker.Invalid, Message: "read the cloud's settings", Err: err}
	}
	under := http.DefaultTransport.(*http.Transport).Clone()
	under.TLSClientConfig = trust
	return &Service{URL: strings.TrimSuffix(env("OS_ENDPOINT"), "/"), HTTP: &http.Client{Transport: given{token, under}}}, nil
}

// options reads clouds.yaml, or the environment.
func options(name string, env func(string) string) (gophercloud.AuthOptions, gophercloud.EndpointOpts, *tls.Config, error) {
	if name != "" {
		return clouds.Parse(clouds.WithCloudName(name))
	}
	ao, err := fromEnv(env)
	eo := gophercloud.EndpointOpts{Region: env("OS_REGION_NAME")}
	if i := strings.TrimSuffix(env("OS_INTERFACE"), "URL"); i != "" {
		eo.Availability = gophercloud.Availability(i)
	}
	if err != nil {
		return ao, eo, nil, err
	}
	trust, err := trustFromEnv(env)
	return ao, eo, trust, err
}

// trustFromEnv reads whose certificates are good: those that OS_CACERT holds, or all.
func trustFromEnv(env func(string) string) (*tls.Config, error) {
	out := &tls.Config{}
	switch strings.ToLower(env("OS_INSECURE")) {
	case "", "0", "false", "no", "off":
	default:
		out.InsecureSkipVerify = true
	}
	file := env("OS_CACERT")
	if file == "" {
		return out, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("OS_CACERT: %w", err)
	}
	out.RootCAs = x509.NewCertPool()
	if !out.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("OS_CACERT: there is no certificate in %s", file)
	}
	return out, nil
}

// fromEnv reads the variables for a password, or an application credential. The
// user's domain and the project's may differ, which gophercloud's own reading does not know.
func fromEnv(env func(string) string) (gophercloud.AuthOptions, error) {
	first := func(names ...string) string {
		for _, n := range names {
			if v := env(n); v != "" {
				return v
			}
		}
		return ""
	}
	ao := gophercloud.AuthOptions{
		IdentityEndpoint: env("OS_AUTH_URL"), Username: env("OS_USERNAME"), UserID: env("OS_USER_ID"), Password: env("OS_PASSWORD"),
		DomainID: first("OS_USER_DOMAIN_ID", "OS_DOMAIN_ID"), DomainName: first("OS_USER_DOMAIN_NAME", "OS_DOMAIN_NAME"),
		ApplicationCredentialID: env("OS_APPLICATION_CREDENTIAL_ID"), ApplicationCredentialName: env("OS_APPLICATION_CREDENTIAL_NAME"),
		ApplicationCredentialSecret: env("OS_APPLICATION_CREDENTIAL_SECRET"),
	}
	if ao.ApplicationCredentialID != "" {
		ao.Username, ao.UserID, ao.Password, ao.DomainID, ao.DomainName = "", "", "", "", ""
		return ao, nil
	}
	if ao.Username == "" && ao.UserID == "" || ao.Password == "" && ao.ApplicationCredentialSecret == "" {
		return ao, errors.New("OS_USERNAME or OS_PASSWORD is missing")
	}
	if ao.UserID != "" {
		ao.Username, ao.DomainID, ao.DomainName = "", "", ""
	} else if ao.DomainID == "" && ao.DomainName == "" {
		ao.DomainName = "Default"
	}
	if ao.DomainID != "" {
		ao.DomainName = ""
	}
	if ao.ApplicationCredentialSecret != "" {
		return ao, nil
	}
	scope := &gophercloud.AuthScope{ProjectID: first("OS_PROJECT_ID", "OS_TENANT_ID")}
	if name := first("OS_PROJECT_NAME", "OS_TENANT_NAME"); scope.ProjectID == "" && name != "" {
		scope.ProjectName, scope.DomainID = name, first("OS_PROJECT_DOMAIN_ID", "OS_DEFAULT_DOMAIN_ID")
		if scope.DomainID == "" {
			scope.DomainName = first("OS_PROJECT_DOMAIN_NAME", "OS_DOMAIN_NAME")
		}
		if scope.DomainID == "" && scope.DomainName == "" {
			scope.DomainName = "Default"
		}
	}
	if *scope != (gophercloud.AuthScope{}) {
		ao.Scope = scope
	}
	return ao, nil
}

// explain makes kinds of ours of what Keystone answers.
func explain(at string, err error) error {
	kind := stoker.Unavailable
	if gophercloud.ResponseCodeIs(err, http.StatusUnauthorized) || gophercloud.ResponseCodeIs(err, http.StatusForbidden) {
		kind = stoker.Forbidden
	}
	return &stoker.Error{Kind: kind, Message: fmt.Sprintf("log in at %s", at), Err: err}
}

// given sends one token, or none.
type given struct {
	token string
	under http.RoundTripper
}

func (g given) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Del("X-Auth-Token")
	if g.token != "" {
		r.Header.Set("X-Auth-Token", g.token)
	}
	return g.under.RoundTrip(r)
}

// bearer sends the provider's token.
type bearer struct {
	provider *gophercloud.ProviderClient
	under    http.RoundTripper // nil: the default
}

func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	token := b.provider.Token()
	res, err := b.send(r, token)
	if err != nil || res.StatusCode != http.StatusUnauthorized || r.Body != nil && r.GetBody == nil {
		return res, err
	}
	if err := b.provider.Reauthenticate(r.Context(), token); err != nil {
		return res, nil // the first answer says it all
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	res.Body.Close()
	if r.GetBody != nil {
		again := *r
		if again.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
		r = &again
	}
	return b.send(r, b.provider.Token())
}

func (b *bearer) send(r *http.Request, token string) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Auth-Token", token)
	if b.under != nil {
		return b.under.RoundTrip(r)
	}
	return http.DefaultTransport.RoundTrip(r)
}
