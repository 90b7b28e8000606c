// Package fetch gets small texts over HTTP from addresses that strangers name, and
// hands such texts over. It does not let strangers reach what only this machine can:
// addresses that are not public are refused unless they are allowed, whatever name or
// redirect leads there. Files are never read.
//
// It starts no goroutine that outlives a call.
package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/stoker-project/stoker"
)

const (
	timeout      = 20 * time.Second
	maxRedirects = 5
)

// Fetcher gets texts. Its methods may be called concurrently.
type Fetcher struct {
	client *http.Client
	limit  int64
}

// A Guard looks at the address of each connection that a net.Dialer makes, after the name
// was resolved. An error forbids it.
type Guard func(network, address string, c syscall.RawConn) error

// Public lets connections through to public addresses, to those in allow, and to those
// that also says yes to; nil: to no others.
func Public(allow []netip.Prefix, also func(netip.AddrPort) bool) Guard {
	return func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		ip := at.Addr().Unmap().WithZone("")
		if public(ip) || slices.ContainsFunc(allow, func(p netip.Prefix) bool { return p.Contains(ip) }) {
			return nil
		}
		if also != nil && also(netip.AddrPortFrom(ip, at.Port())) {
			return nil
		}
		return errors.New("the address is not a public one, and is not allowed")
	}
}

// New makes a Fetcher of texts of at most limit bytes. Of the addresses that are not
// public those in allow may be reached.
func New(limit int64, allow []netip.Prefix) *Fetcher {
	f := &Fetcher{limit: limit}
	dialer := &net.Dialer{Timeout: timeout, Control: Public(allow, nil)}
	f.client = &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{ // no proxy: it would reach what we may not
			DialContext: dialer.DialContext, TLSHandshakeTimeout: timeout, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) >= maxRedirects {
				return errors.New("it is redirected too often")
			}
			return web(r.URL)
		},
	}
	return f
}

// Get gives what is at an address. The error is Invalid: the address, or what is
// there, is not as it should be.
func (f *Fetcher) Get(ctx context.Context, address string) ([]byte, error) {
	text, err := f.get(ctx, address)
	if err != nil && ctx.Err() == nil {
		return nil, &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("fetch %q", address), Err: err}
	}
	return text, err
}

// Post hands JSON over to an address. Errors: Invalid where the address is not as it
// should be, otherwise Unavailable.
func (f *Fetcher) Post(ctx context.Context, address string, body []byte) error {
	u, err := url.Parse(address)
	if err == nil {
		err = web(u)
	}
	if err != nil {
		return &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("post to %q", address), Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := f.client.Do(req)
	if err != nil {
		return stoker.Errorf(stoker.Unavailable, "post to %s: %w", u.Host, Cause(err))
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusMultipleChoices {
		return stoker.Errorf(stoker.Unavailable, "post to %s: the answer is %s", u.Host, res.Status)
	}
	return nil
}

func (f *Fetcher) get(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err == nil {
		err = web(u)
	}
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	res, err := f.client.Do(req)
	if err != nil {
		return nil, Cause(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s", res.Status)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, f.limit+1))
	if err == nil && int64(len(text)) > f.limit {
		err = fmt.Errorf("it is longer than %d bytes", f.limit)
	}
	return text, err
}

// Cause is why a request failed, without its address, which the caller names, and with it a
// password.
func Cause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

func web(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("only http and https addresses are fetched")
	}
	return nil
}

// public tells whether an address is one of the internet's.
func public(ip netip.Addr) bool {
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !slices.ContainsFunc(reserved(), func(p netip.Prefix) bool { return p.Contains(ip) })
}

// reserved lists what looks public and is not, or hides an IPv4 address.
func reserved() []netip.Prefix {
	var out []netip.Prefix
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16",
	} {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}
