package awssign

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"strings"
	"time"
)

// parse2 reads version 2, whose parts are parameters.
func parse2(r *Request) (*Signature, error) {
	p := r.Params
	if v, m := p.Get("SignatureVersion"), p.Get("SignatureMethod"); v != "2" || m != "HmacSHA256" {
		return nil, fault("IncompleteSignature", "want SignatureVersion 2 and SignatureMethod HmacSHA256, not %q and %q", v, m)
	}
	s := &Signature{Version: 2, Access: p.Get("AWSAccessKeyId"), req: r}
	if s.Access == "" || p.Get("Signature") == "" {
		return nil, fault("IncompleteSignature", "AWSAccessKeyId or Signature is missing")
	}
	var err error
	if s.Value, err = base64.StdEncoding.DecodeString(p.Get("Signature")); err != nil {
		return nil, fault("IncompleteSignature", "the signature is not base64")
	}
	for name, to := range map[string]*time.Time{"Timestamp": &s.Time, "Expires": &s.Expires} {
		if text := p.Get(name); text != "" {
			if *to, err = instant(text); err != nil {
				return nil, fault("InvalidParameterValue", "%s: %q is not a time", name, text)
			}
		}
	}
	return s, nil
}

// instant reads the forms of a time that clients send.
func instant(text string) (t time.Time, err error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "20060102T150405Z"} {
		if t, err = time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return t, err
}

func toSign2(r *Request) string {
	return strings.Join([]string{r.Verb, strings.ToLower(r.Host), cmp.Or(r.Path, "/"), canonical(r.Params, "Signature")}, "\n")
}

// Sign2 gives the parameters of a request with those of its signature. r.Params
// stay as they are.
func Sign2(r *Request, access, secret string) url.Values {
	signed := *r
	signed.Params = url.Values{}
	for name, values := range r.Params {
		signed.Params[name] = values
	}
	signed.Params.Set("AWSAccessKeyId", access)
	signed.Params.Set("SignatureMethod", "HmacSHA256")
	signed.Params.Set("SignatureVersion", "2")
	signed.Params.Set("Signature", base64.StdEncoding.EncodeToString(sum([]byte(secret), toSign2(&signed))))
	return signed.Params
}
