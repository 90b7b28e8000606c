// Package awssign makes and checks the signatures of requests to AWS's query
// APIs: version 2, in the parameters, and version 4, in a header or the parameters.
// Whose key it is, and what it allows, its callers know.
//
// Everything in it is a pure function.
package awssign

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Skew is how far the clocks of both sides may differ, and how long a request
// is good.
const Skew = 15 * time.Minute

// Error is a fault of a signature, with AWS's code for it.
type Error struct{ Code, Message string }

// Error gives the message.
func (e *Error) Error() string { return e.Message }

func fault(code, format string, args ...any) error {
	return &Error{code, fmt.Sprintf(format, args...)}
}

// Request is what a signature is of.
type Request struct {
	Verb, Host string
	Path       string // decoded
	Escaped    string // as it was sent; version 4 signs this
	Params     url.Values
	Query      url.Values // those parameters that are in the URL
	Header     http.Header
	Body       []byte
}

// Signature is one that a request has, not yet checked.
type Signature struct {
	Access  string // the access key
	Version int    // 2 or 4
	Value   []byte
	// Time is when it was made, Expires when it ends; zero: not said.
	Time, Expires time.Time

	req   *Request
	scope []string // of version 4: date, region, service
	names []string // of signed headers
}

// Parse finds the signature of a request. The error is an *Error.
func Parse(r *Request) (*Signature, error) {
	for name, values := range r.Params {
		if len(values) != 1 {
			return nil, fault("InvalidQueryParameter", "the parameter %s is there %d times", name, len(values))
		}
	}
	switch auth := r.Header.Get("Authorization"); {
	case strings.HasPrefix(auth, algorithm4):
		return parseHeader4(r, strings.TrimPrefix(auth, algorithm4))
	case r.Query.Get("X-Amz-Algorithm") != "":
		return parseQuery4(r)
	case r.Params.Get("Signature") != "" || r.Params.Get("AWSAccessKeyId") != "":
		return parse2(r)
	}
	return nil, fault("MissingAuthenticationToken", "the request has no signature")
}

// Fresh tells whether a request is neither too old nor from the future. The
// error is an *Error.
func (s *Signature) Fresh(now time.Time) error {
	switch {
	case !s.Expires.IsZero() && !now.Before(s.Expires):
		return fault("RequestExpired", "the request ended at %s", s.Expires.UTC().Format(time.RFC3339))
	case s.Expires.IsZero() && s.Time.IsZero():
		return fault("MissingParameter", "the request says neither Timestamp nor Expires")
	case !s.Time.IsZero() && s.Time.After(now.Add(Skew)), s.Expires.IsZero() && s.Time.Before(now.Add(-Skew)):
		return fault("RequestExpired", "the request is of %s, and here it is %s", s.Time.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case s.Expires.Sub(now) > maxExpires:
		return fault("InvalidParameterValue", "the request ends later than in %s", maxExpires)
	}
	return nil
}

// maxExpires is AWS's: seven days.
const maxExpires = 7 * 24 * time.Hour

// Made tells whether the signature was made with a secret. The time it takes
// does not tell how much of it is right.
func (s *Signature) Made(secret string) bool {
	var want []byte
	if s.Version == 2 {
		want = sum([]byte(secret), toSign2(s.req))
	} else {
		want = sum(s.key(secret), s.toSign())
	}
	return secret != "" && subtle.ConstantTimeCompare(s.Value, want) == 1
}

func sum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text)) // never fails, by its documentation
	return h.Sum(nil)
}

// canonical writes parameters in order, but one.
func canonical(params url.Values, without string) string {
	var out []string
	for name, values := range params {
		for _, v := range values {
			if name != without {
				out = append(out, escape(name)+"="+escape(v))
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, "&")
}

// escape is RFC 3986's, without the exceptions of forms.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
