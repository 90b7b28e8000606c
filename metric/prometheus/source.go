// Package prometheus reads a signal from a Prometheus server: any PromQL that gives one
// number. Who may ask which server is for others to say. It starts no goroutine beyond
// those of net/http for the length of a request.
package prometheus

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

// maxAnswer bounds what is read of an answer: one number is wanted.
const maxAnswer = 1 << 20

// Config is a server that is asked.
type Config struct {
	URL                string // http://127.0.0.1:9090, with a path where it has one
	Username, Password string // of basic authentication; both may be empty
}

// Client asks one server. It may be used from any goroutine.
type Client struct {
	config Config
	query  string
	client *http.Client
}

// New makes a client. Errors: Invalid.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return nil, &stoker.Error{Kind: stoker.Invalid, Path: "url", Message: fmt.Sprintf("%q is not the address of a Prometheus", c.URL),
			Hint: "Give one like http://127.0.0.1:9090, without a user."}
	}
	return &Client{config: c, query: u.JoinPath("api/v1/query").String(), client: &http.Client{
		// No proxy: the environment is not ours to read. No redirects: the password goes nowhere else.
		Transport:     &http.Transport{MaxIdleConns: 4, IdleConnTimeout: time.Minute, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Source reads the value of one query.
type Source struct {
	client *Client
	query  string
}

var _ stoker.SignalSource = (*Source)(nil)

// Source makes a source for spec.Query. Errors: Invalid.
func (c *Client) Source(spec stoker.SignalSpec) (*Source, error) {
	if strings.TrimSpace(spec.Query) == "" {
		return nil, &stoker.Error{Kind: stoker.Invalid, Path: "query", Message: "a signal of Prometheus needs a query"}
	}
	return &Source{c, spec.Query}, nil
}

// answer is that of Prometheus' HTTP API.
type answer struct {
	Status string `json:"status"`
	Error  string `json:"error"`
	Data   struct {
		Type   string          `json:"resultType"`
		Result json.RawMessage `json:"result"`
	} `json:"data"`
}

// Read asks for the value at this moment. No value, more than one, and what is no number
// are errors: Unavailable.
func (s *Source) Read(ctx context.Context) (stoker.Sample, error) {
	form := url.Values{"query": {s.query}}
	if end, ok := ctx.Deadline(); ok {
		form.Set("timeout", fmt.Sprintf("%dms", max(time.Until(end).Milliseconds(), 1))) // it knows no fractions
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.client.query, strings.NewReader(form.Encode()))
	if err != nil {
		return stoker.Sample{}, stoker.Errorf(stoker.Invalid, "ask Prometheus: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if s.client.config.Username != "" {
		req.SetBasicAuth(s.client.config.Username, s.client.config.Password)
	}
	resp, err := s.client.client.Do(req)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err // without the address, which is not every user's to know
		}
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "ask Prometheus: %w", err)
	}
	defer resp.Body.Close()
	var a answer
	err = json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&a)
	switch {
	case ctx.Err() != nil:
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "ask Prometheus: %w", ctx.Err())
	case err != nil:
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "Prometheus answers %s, and not in JSON: %w", resp.Status, err)
	case a.Status != "success":
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "Prometheus answers %s: %s", resp.Status, a.Error)
	}
	return a.sample()
}

// sample takes the one value out of an answer.
func (a *answer) sample() (stoker.Sample, error) {
	var point []any
	var err error
	switch a.Data.Type {
	case "scalar":
		err = json.Unmarshal(a.Data.Result, &point)
	case "vector":
		var series []struct {
			Value []any `json:"value"`
		}
		if err = json.Unmarshal(a.Data.Result, &series); err == nil {
			if len(series) != 1 {
				return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "the query gives %d series, and must give one: take sum, avg or max of them", len(series))
			}
			point = series[0].Value
		}
	default:
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "the query gives a %s, and must give one number", a.Data.Type)
	}
	if err != nil || len(point) != 2 {
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "the answer of Prometheus is not understood")
	}
	at, _ := point[0].(float64)
	text, _ := point[1].(string)
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v != v || v-v != 0 {
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "the query gives %q, which is no number", text)
	}
	return stoker.Sample{Value: v, Time: time.UnixMilli(int64(at * 1000))}, nil
}
