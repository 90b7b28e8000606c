// Package access finds out who sends a request over HTTP, whichever way it is
// told: a static token, one that the identity API or a Keystone issued, a user's
// name and password. What the sender may do with it is the APIs' business.
//
// It starts no goroutine.
package access

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/token"
)

// ErrUnknown says that a token or a password is nobody's, as far as the one
// knows who was asked.
var ErrUnknown = errors.New("nobody is known by this")

// Bearer knows who bears a token. The errors are ErrUnknown, or those of asking.
// It may be called concurrently.
type Bearer interface {
	Bearer(ctx context.Context, token string) (token.Grant, error)
}

// Login knows users by name and password. The errors are ErrUnknown, NoCapacity after too many failures, or
// those of asking. It may be called concurrently.
type Login interface {
	Login(ctx context.Context, c Credentials) (token.Grant, error)
}

// Credentials are what somebody says to be let in.
type Credentials struct {
	User, Password string
	Project        stoker.ProjectID // the one wanted; empty: the user's own
	From           string           // address, for counting failures
}

// Gate asks everybody who might know the sender. The zero Gate lets nobody in.
// It must not be changed once it is used; its methods may be called concurrently.
type Gate struct {
	Tokens  *token.Table
	Bearers []Bearer
	// Login checks passwords; nil: none is right.
	Login Login
	// Anyone, if not nil, is what everybody may do who knows nothing better. It
	// asks for a header that no web page may send to others, and for a name of
	// this machine, so that a browser cannot be made to use it.
	Anyone *token.Grant
}

// Refusal says why nobody was let in. Its text is for the sender.
type Refusal struct {
	Status  int // of HTTP: 401, 429, 503
	Message string
	Retry   time.Duration // when to try again; zero: not known
	err     error
}

// Error gives the message.
func (r *Refusal) Error() string { return r.Message }

// Unwrap gives the cause, if there is one; it is not for the sender.
func (r *Refusal) Unwrap() error { return r.err }

// WriteHeader sets the headers that belong to a refusal.
func (r *Refusal) WriteHeader(h http.Header) {
	if r.Status == http.StatusUnauthorized {
		h.Add("WWW-Authenticate", `Bearer realm="stoker"`)
	}
	if r.Retry > 0 {
		h.Set("Retry-After", fmt.Sprint(int(r.Retry.Round(time.Second).Seconds())))
	}
}

// Who gives what the sender of a request may do. project is the one that is
// asked for, if any: those who come with a password work in it. The error is a
// *Refusal.
func (g *Gate) Who(r *http.Request, project stoker.ProjectID) (token.Grant, *Refusal) {
	who, err := g.find(r, project)
	switch {
	case err == nil && who.Project != "":
		return who, nil
	case err == nil:
		return who, &Refusal{Status: http.StatusUnauthorized, Message: "The token is not for a project."}
	case errors.Is(err, ErrUnknown):
		return who, &Refusal{Status: http.StatusUnauthorized, Message: "Authentication required"}
	case stoker.IsKind(err, stoker.NoCapacity):
		return who, &Refusal{Status: http.StatusTooManyRequests, Message: err.Error(), Retry: time.Minute, err: err}
	}
	return who, &Refusal{Status: http.StatusServiceUnavailable, Message: "It cannot be found out who you are; try again later.", Retry: time.Second, err: err}
}

func (g *Gate) find(r *http.Request, project stoker.ProjectID) (token.Grant, error) {
	if g == nil {
		return token.Grant{}, ErrUnknown
	}
	who, err := token.Grant{}, ErrUnknown
	if tok := TokenOf(r); tok != "" {
		who, err = g.bearer(r.Context(), tok)
	} else if c, ok := credentialsOf(r); ok {
		c.Project = project
		who, err = g.login(r.Context(), c)
	}
	if g.Anyone != nil && errors.Is(err, ErrUnknown) && near(r) {
		return *g.Anyone, nil
	}
	return who, err
}

func (g *Gate) bearer(ctx context.Context, tok string) (token.Grant, error) {
	if who, ok := g.Tokens.Lookup(tok); ok {
		return who, nil
	}
	for _, b := range g.Bearers {
		if who, err := b.Bearer(ctx, tok); !errors.Is(err, ErrUnknown) {
			return who, err
		}
	}
	return token.Grant{}, ErrUnknown
}

func (g *Gate) login(ctx context.Context, c Credentials) (token.Grant, error) {
	if g.Login == nil {
		return token.Grant{}, ErrUnknown
	}
	return g.Login.Login(ctx, c)
}

// TokenOf is the token of a request: X-Auth-Token as with Keystone, or a bearer
// token as elsewhere.
func TokenOf(r *http.Request) string {
	if t := r.Header.Get("X-Auth-Token"); t != "" {
		return t
	}
	scheme, t, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(t)
	}
	return ""
}

// credentialsOf reads basic authentication, or the headers of Heat's clients
// that are told not to ask a Keystone.
func credentialsOf(r *http.Request) (c Credentials, ok bool) {
	c.From = From(r)
	if c.User = r.Header.Get("X-Auth-User"); c.User != "" {
		c.Password = r.Header.Get("X-Auth-Key")
		return c, true
	}
	c.User, c.Password, ok = r.BasicAuth()
	return c, ok
}

// From is the address of the sender, without the port.
func From(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func near(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	local := host == "localhost" || err == nil && ip.IsLoopback()
	return local && (r.Header.Get("X-Auth-Token") != "" || r.Header.Get("X-Auth-User") != "")
}
