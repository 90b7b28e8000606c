// Package client talks to a Stoker server: Heat's API for stacks, Stoker's own
// for groups, decisions and logs. It also turns template files on disk into what
// a server takes (Bundle). It prints nothing and reads no environment; the
// command line is built on it.
//
// It starts no goroutine. A Client never changes after New and may be used from
// any.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/wire"
)

// Config says which server a Client talks to.
type Config struct {
	// URL is the server's address, http://host:port, or with a project,
	// http://host:port/v1/PROJECT. Without one, it is the token's own project.
	URL   string
	Token string
	// HTTP is the client used; nil: a plain one.
	HTTP *http.Client
}

// Client is a connection to a server.
type Client struct {
	root    string // http://host:port
	heat    string // root + /v1[/project]
	project string // empty: the token's own
	token   string
	http    *http.Client
}

// New makes a Client. Invalid when the URL is none.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("%q is not the address of a server", c.URL),
			Hint: "It looks like http://127.0.0.1:8004 or http://127.0.0.1:8004/v1/PROJECT."}
	}
	out := &Client{root: u.Scheme + "://" + u.Host, token: c.Token, http: c.HTTP}
	if out.http == nil {
		out.http = &http.Client{}
	}
	path := strings.Trim(u.Path, "/")
	before, project, ok := strings.Cut("/"+path+"/", "/v1/")
	project = strings.TrimSuffix(project, "/")
	switch {
	case path == "" || path == "v1":
		out.heat = out.root + "/v1"
	case ok && !strings.Contains(project, "/"):
		// Real Heats are often behind a prefix: /orchestration/v1/PROJECT.
		out.root += before
		out.project, out.heat = project, strings.TrimSuffix(out.root+"/v1/"+project, "/")
	default:
		return nil, &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("%q has an unexpected path", c.URL),
			Hint: "It looks like http://127.0.0.1:8004 or http://127.0.0.1:8004/v1/PROJECT."}
	}
	return out, nil
}

// native gives the address of something of Stoker's own API.
func (c *Client) native(q url.Values, words ...string) string {
	if c.project != "" {
		if q == nil {
			q = url.Values{}
		}
		q.Set("project", c.project)
	}
	return address(c.root+"/stoker/v1", q, words...)
}

// stacks gives an address below the project's.
func (c *Client) v1(q url.Values, words ...string) string { return address(c.heat, q, words...) }

func address(base string, q url.Values, words ...string) string {
	for _, w := range words {
		base += "/" + url.PathEscape(w)
	}
	if len(q) > 0 {
		base += "?" + q.Encode()
	}
	return base
}

// do sends a request with a JSON body (nil: none) and decodes the answer into
// out (nil: dropped).
func (c *Client) do(ctx context.Context, method, address string, body, out any) error {
	res, err := c.send(ctx, method, address, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("%s %s: decode the answer: %w", method, address, err)
	}
	return nil
}

// send gives a good answer, whose body the caller closes.
func (c *Client) send(ctx context.Context, method, address string, body any) (*http.Response, error) {
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		text = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, text)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Auth-Token", c.token)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, &stoker.Error{Kind: stoker.Unavailable, Message: fmt.Sprintf("the server at %s does not answer", c.root), Err: err,
			Hint: "Is it running? Start one with: stoker serve."}
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, faultOf(res)
}

// kinds is the way back from a status to a kind of error.
var kinds = map[int]stoker.Kind{
	http.StatusBadRequest:         stoker.Invalid,
	http.StatusUnauthorized:       stoker.Forbidden,
	http.StatusForbidden:          stoker.Forbidden,
	http.StatusNotFound:           stoker.NotFound,
	http.StatusMethodNotAllowed:   stoker.Invalid,
	http.StatusConflict:           stoker.Conflict,
	http.StatusServiceUnavailable: stoker.Unavailable,
	http.StatusBadGateway:         stoker.Unavailable,
	http.StatusGatewayTimeout:     stoker.Unavailable,
}

// faultOf makes an error of a bad answer. The message of either API tells its
// path already.
func faultOf(res *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	out := &stoker.Error{Kind: kinds[res.StatusCode]}
	var f struct {
		Error struct {
			wire.FaultError
			Type   string `json:"type"`
			File   string `json:"file"`
			Line   int    `json:"line"`
			Column int    `json:"column"`
		} `json:"error"`
	}
	if json.Unmarshal(text, &f) == nil && f.Error.Message != "" {
		out.Message, out.Hint, out.Type = f.Error.Message, f.Error.Hint, f.Error.Type
		out.Pos = stoker.Pos{File: f.Error.File, Line: f.Error.Line, Column: f.Error.Column}
		if f.Error.Kind != "" {
			out.Kind = stoker.Kind(f.Error.Kind)
		}
		if out.Type == "StackExists" {
			out.Kind = stoker.Exists
		}
	} else {
		out.Message = fmt.Sprintf("the server answered %s", res.Status)
	}
	if res.StatusCode == http.StatusUnauthorized && out.Hint == "" {
		out.Hint = "Give a token that the server knows: --token or STOKER_TOKEN."
	}
	return out
}
