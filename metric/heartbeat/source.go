// Package heartbeat measures how long a URL takes to answer, as a user would see it.
// It judges no addresses: whether a URL may be read is for others to say. It starts
// no goroutine of its own beyond those of net/http for the length of a request.
package heartbeat

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/stoker-project/stoker"
)

// maxBody is how much of an answer is read, so that the connection can be used again.
const maxBody = 64 << 10

// Source reads the response time of a URL in seconds, a level: from sending the
// request to the first byte of the answer's body, connecting and redirects included. An
// answer of 500 or more, and no answer, is an error.
type Source struct {
	url    string
	client *http.Client
}

var _ stoker.SignalSource = (*Source)(nil)

// New makes a source for spec.URL. guard looks at each address that is connected to, after
// redirects too, and forbids it by an error; nil: all may be. Errors: Invalid.
func New(spec stoker.SignalSpec, guard func(network, address string, c syscall.RawConn) error) (*Source, error) {
	u, err := url.Parse(spec.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, &stoker.Error{
			Kind: stoker.Invalid, Path: "url",
			Message: fmt.Sprintf("%q is not an address to read a heartbeat from", spec.URL),
			Hint:    "Give a whole one: http://127.0.0.1:8080/heartbeat.",
		}
	}
	dialer := &net.Dialer{Control: guard}
	return &Source{url: spec.URL, client: &http.Client{Transport: &http.Transport{
		// No proxy: the environment is not ours to read.
		DialContext:     dialer.DialContext,
		MaxIdleConns:    1,
		IdleConnTimeout: time.Minute,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}}}, nil
}

// Read asks once. Errors: Unavailable.
func (s *Source) Read(ctx context.Context) (stoker.Sample, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return stoker.Sample{}, stoker.Errorf(stoker.Invalid, "make heartbeat request: %w", err)
	}
	req.Header.Set("User-Agent", "stoker-heartbeat")
	begin := time.Now()
	resp, err := s.client.Do(req)
	if err != nil {
		return stoker.Sample{}, unanswered(ctx, begin, err)
	}
	defer resp.Body.Close()
	var first [1]byte
	if _, err := io.ReadFull(resp.Body, first[:]); err != nil && !errors.Is(err, io.EOF) {
		return stoker.Sample{}, unanswered(ctx, begin, err)
	}
	end := time.Now()
	if resp.StatusCode >= http.StatusInternalServerError {
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "the heartbeat answers %s", resp.Status)
	}
	io.CopyN(io.Discard, resp.Body, maxBody) // the answer is known already
	return stoker.Sample{Value: end.Sub(begin).Seconds(), Time: end, Detail: "HTTP " + resp.Status}, nil
}

// unanswered says what went wrong without the URL, which may hold a password.
func unanswered(ctx context.Context, begin time.Time, err error) error {
	if ctx.Err() != nil {
		return stoker.Errorf(stoker.Unavailable, "no answer from the heartbeat in %s: %w", time.Since(begin).Round(time.Millisecond), ctx.Err())
	}
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	return stoker.Errorf(stoker.Unavailable, "read heartbeat: %w", err)
}
