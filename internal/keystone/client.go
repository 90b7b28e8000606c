// Package keystone asks an OpenStack Keystone who somebody is. It needs no
// account there: a token is asked about with the token itself. Answers count for
// a short while, so that not each request costs another.
//
// It starts no goroutine.
package keystone

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/access"
	"github.com/stoker-project/stoker/internal/account"
	"github.com/stoker-project/stoker/internal/password"
	"github.com/stoker-project/stoker/internal/token"
)

// Config names a Keystone.
type Config struct {
	// AuthURL is what clients have in OS_AUTH_URL, with or without /v3.
	AuthURL string
	// Cache is how long an answer counts: so long a revoked token may still work.
	// Default: one minute.
	Cache time.Duration
	// Domain is the name of the domain of users who come with a password.
	// Default: Default.
	Domain string
	Client *http.Client // nil: one that waits 10 seconds at most
}

// Client asks. Its methods may be called concurrently.
type Client struct {
	url     string
	cache   time.Duration
	domain  string
	http    *http.Client
	checker *password.Checker

	mu    sync.Mutex
	known map[[sha256.Size]byte]answer
}

type answer struct {
	grant token.Grant
	err   error // access.ErrUnknown, or nil
	until time.Time
}

// maxKnown bounds what is remembered; wrong tokens too, lest they are asked about
// again and again.
const maxKnown = 10_000

var (
	_ access.Bearer = (*Client)(nil)
	_ access.Login  = (*Client)(nil)
)

// New makes a client. It asks nothing yet.
func New(c Config) *Client {
	base := strings.TrimSuffix(strings.TrimSuffix(c.AuthURL, "/"), "/v3")
	k := &Client{url: base + "/v3/auth/tokens", cache: cmp.Or(c.Cache, time.Minute), domain: cmp.Or(c.Domain, "Default"),
		http: c.Client, checker: password.NewChecker(), known: map[[sha256.Size]byte]answer{}}
	if k.http == nil {
		k.http = &http.Client{Timeout: 10 * time.Second}
	}
	return k
}

// Bearer tells what the bearer of a token may do. Unavailable when Keystone
// does not answer.
func (k *Client) Bearer(ctx context.Context, tok string) (token.Grant, error) {
	return k.remember(sha256.Sum256([]byte("token "+tok)), func() (answer, error) {
		return k.ask(ctx, http.MethodGet, nil, http.Header{"X-Auth-Token": {tok}, "X-Subject-Token": {tok}})
	})
}

// Login tells what a user with a password may do in a project. Failures are counted
// here too, before Keystone is bothered.
func (k *Client) Login(ctx context.Context, c access.Credentials) (token.Grant, error) {
	body, err := json.Marshal(loginBody(c, k.domain))
	if err != nil {
		return token.Grant{}, err
	}
	var out answer
	err = k.checker.Check(ctx, password.Attempt{Who: string(c.Project) + " " + c.User, Password: c.Password, From: c.From}, func() (bool, error) {
		var err error
		out, err = k.ask(ctx, http.MethodPost, body, http.Header{"Content-Type": {"application/json"}})
		return out.err == nil, err
	})
	mark := sha256.Sum256(body)
	switch {
	case errors.Is(err, password.ErrWrong):
		return token.Grant{}, access.ErrUnknown
	case err != nil:
		return token.Grant{}, err
	case !out.until.IsZero():
		k.keep(mark, out)
		return out.grant, nil
	}
	// It was right lately; what it may do is asked again when that is old.
	return k.remember(mark, func() (answer, error) {
		return k.ask(ctx, http.MethodPost, body, http.Header{"Content-Type": {"application/json"}})
	})
}

type object = map[string]any

// loginBody asks for a token of a user in a project, or in the user's own.
func loginBody(c access.Credentials, domain string) object {
	user := object{"name": c.User, "domain": object{"name": domain}, "password": c.Password}
	auth := object{"identity": object{"methods": []string{"password"}, "password": object{"user": user}}}
	if c.Project != "" {
		auth["scope"] = object{"project": object{"id": c.Project}}
	}
	return object{"auth": auth}
}

// remember gives what is known, or asks.
func (k *Client) remember(mark [sha256.Size]byte, ask func() (answer, error)) (token.Grant, error) {
	k.mu.Lock()
	a, ok := k.known[mark]
	k.mu.Unlock()
	if ok && time.Now().Before(a.until) {
		return a.grant, a.err
	}
	a, err := ask()
	if err != nil {
		return token.Grant{}, err
	}
	k.keep(mark, a)
	return a.grant, a.err
}

func (k *Client) keep(mark [sha256.Size]byte, a answer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.known) >= maxKnown {
		clear(k.known)
	}
	k.known[mark] = a
}

// ask sends one request. The answer says whether the token or the password is
// known; the error, that it could not be found out.
func (k *Client) ask(ctx context.Context, verb string, body []byte, header http.Header) (answer, error) {
	url := k.url
	if verb == http.MethodGet {
		url += "?nocatalog"
	}
	req, err := http.NewRequestWithContext(ctx, verb, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header = header
	res, err := k.http.Do(req)
	if err != nil {
		return answer{}, unavailable(err)
	}
	defer res.Body.Close()
	a := answer{until: time.Now().Add(k.cache)}
	switch res.StatusCode {
	case http.StatusOK, http.StatusCreated:
	case http.StatusUnauthorized, http.StatusNotFound, http.StatusForbidden:
		a.err = access.ErrUnknown
		return a, nil
	default:
		return answer{}, unavailable(fmt.Errorf("it answers %s", res.Status))
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return answer{}, unavailable(err)
	}
	err = decode(text, &a)
	return a, err
}

func unavailable(err error) error {
	return &stoker.Error{Kind: stoker.Unavailable, Message: "ask Keystone", Err: err}
}

// decode reads a token as Keystone shows it.
func decode(text []byte, a *answer) error {
	var body struct {
		Token struct {
			Expires time.Time `json:"expires_at"`
			User    struct{ Name string }
			Project struct{ ID string }
			Roles   []struct{ Name string }
		}
	}
	if err := json.Unmarshal(text, &body); err != nil {
		return unavailable(fmt.Errorf("its answer: %w", err))
	}
	t := &body.Token
	if !t.Expires.IsZero() && t.Expires.Before(a.until) {
		a.until = t.Expires
	}
	if t.Project.ID == "" {
		a.grant = token.Grant{User: t.User.Name}
		return nil
	}
	var roles []string
	for _, r := range t.Roles {
		roles = append(roles, r.Name)
	}
	a.grant = account.Grant(t.User.Name, stoker.ProjectID(t.Project.ID), roles)
	return nil
}
