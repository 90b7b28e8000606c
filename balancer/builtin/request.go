package builtin

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"golang.org/x/net/http/httpguts"
)

// Values that many requests share; nobody changes them.
var (
	protoHTTP   = []string{"http"}
	protoHTTPS  = []string{"https"}
	upgradeOnly = []string{"Upgrade"}
	trailers    = []string{"trailers"}
	noAgent     = []string{""} // keeps http.Transport from naming itself
	mayRepeat   = []string{}   // tells http.Transport so, and is not sent
)

// prepare makes the request for the member out of the client's.
func (x *exchange) prepare() {
	in := x.in
	out := new(http.Request)
	*out = *in // shares URL parts, context and trailer
	out.URL = memberURL(in.URL)
	out.RequestURI = ""
	out.Close = false
	out.Header = forwardHeader(in, x.secure)
	if name := x.settings.StickyCookie; name != "" {
		x.takeSticky(out.Header, name)
	}
	switch {
	case in.ContentLength == 0:
		out.Body = nil
		if idempotent(in.Method) {
			out.Header["X-Idempotency-Key"] = repeatKey(out.Header)
		}
	default:
		x.body = &onceBody{from: in.Body}
		out.Body = x.body
	}
	x.out = out
}

// memberURL is what http.Transport needs. Which member it goes to is decided
// by the transport's dialer: the host only keeps it content.
func memberURL(in *url.URL) *url.URL {
	u := *in
	u.Scheme, u.Host, u.User = "http", "member", nil
	return &u
}

func (x *exchange) takeSticky(h http.Header, name string) {
	lines := h["Cookie"]
	if len(lines) == 0 {
		return
	}
	value, rest := takeCookie(lines, name)
	x.cookie = value
	if len(rest) == 0 {
		delete(h, "Cookie")
	} else {
		h["Cookie"] = rest
	}
}

// idempotent is RFC 9110 section 9.2.2.
func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

func repeatKey(h http.Header) []string {
	if own, ok := h["X-Idempotency-Key"]; ok {
		return own
	}
	return mayRepeat
}

// forwardHeader gives the header for the member: the client's without what
// concerns only its own connection or pretends to come from a proxy, and with
// what this proxy knows.
func forwardHeader(in *http.Request, secure bool) http.Header {
	h := make(http.Header, len(in.Header)+5)
	for k, v := range in.Header {
		if !hopByHop(k) && !claimed(k) {
			h[k] = v
		}
	}
	removeListed(h, in.Header["Connection"])
	if httpguts.HeaderValuesContainsToken(in.Header["Te"], "trailers") {
		h["Te"] = trailers
	}
	if to := upgradeType(in.Header); to != "" && in.ProtoMajor == 1 {
		h["Connection"], h["Upgrade"] = upgradeOnly, []string{to}
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = noAgent
	}
	h["X-Forwarded-For"] = []string{forwardedFor(in)}
	h["X-Forwarded-Host"] = []string{in.Host}
	h["X-Forwarded-Proto"] = protoHTTP
	if secure {
		h["X-Forwarded-Proto"] = protoHTTPS
	}
	return h
}

// hopByHop tells which fields end here (RFC 9110 section 7.6.1).
func hopByHop(k string) bool {
	switch k {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// claimed tells which fields a client might send to pass for a proxy. Only
// X-Forwarded-For is a list that goes on; members must trust its last entry only.
func claimed(k string) bool {
	switch k {
	case "Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-For":
		return true
	}
	return false
}

// removeListed removes the fields that Connection names.
func removeListed(h http.Header, connection []string) {
	for _, line := range connection {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name != "" {
				h.Del(name)
			}
		}
	}
}

// upgradeType gives the protocol a message wants to switch to.
func upgradeType(h http.Header) string {
	if !httpguts.HeaderValuesContainsToken(h["Connection"], "upgrade") {
		return ""
	}
	return h.Get("Upgrade")
}

func forwardedFor(in *http.Request) string {
	ip := in.RemoteAddr
	if i := strings.LastIndexByte(ip, ':'); i >= 0 {
		ip = strings.Trim(ip[:i], "[]")
	}
	prior := in.Header["X-Forwarded-For"]
	if len(prior) == 0 {
		return ip
	}
	return strings.Join(prior, ", ") + ", " + ip
}

// onceBody knows whether a request's body was touched; while it was not, it can
// still go to another member. The server closes the real body.
type onceBody struct {
	from io.Reader
	read atomic.Bool
	done atomic.Bool
}

func (b *onceBody) Read(p []byte) (int, error) {
	if b.done.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	b.read.Store(true)
	return b.from.Read(p)
}

// Close does nothing: http.Transport also closes when it could not connect.
func (b *onceBody) Close() error { return nil }

func (b *onceBody) untouched() bool { return !b.read.Load() }

// end keeps a transport that is late from reading what is not its any more.
func (b *onceBody) end() { b.done.Store(true) }
