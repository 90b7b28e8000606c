package awssign

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm4 = "AWS4-HMAC-SHA256"
	stamp4     = "20060102T150405Z"
)

// parseHeader4 reads version 4 from the Authorization header.
func parseHeader4(r *Request, rest string) (*Signature, error) {
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = v
	}
	date := r.Header.Get("X-Amz-Date")
	s, err := parse4(r, parts["Credential"], parts["SignedHeaders"], parts["Signature"], date)
	if err == nil && !slices.Contains(s.names, "x-amz-date") {
		err = fault("IncompleteSignature", "the header x-amz-date is not signed")
	}
	return s, err
}

// parseQuery4 reads version 4 from the query.
func parseQuery4(r *Request) (*Signature, error) {
	q := r.Query
	if a := q.Get("X-Amz-Algorithm"); a != algorithm4 {
		return nil, fault("IncompleteSignature", "want X-Amz-Algorithm %s, not %q", algorithm4, a)
	}
	s, err := parse4(r, q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Signature"), q.Get("X-Amz-Date"))
	if err != nil {
		return nil, err
	}
	seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || seconds < 1 || seconds > int(maxExpires/time.Second) {
		return nil, fault("InvalidParameterValue", "X-Amz-Expires: want 1 to %d seconds", maxExpires/time.Second)
	}
	s.Expires = s.Time.Add(time.Duration(seconds) * time.Second)
	return s, nil
}

func parse4(r *Request, credential, headers, value, date string) (*Signature, error) {
	scope := strings.Split(credential, "/")
	if len(scope) != 5 || scope[0] == "" || scope[4] != "aws4_request" {
		return nil, fault("IncompleteSignature", "want a credential like KEY/DATE/REGION/SERVICE/aws4_request, not %q", credential)
	}
	s := &Signature{Version: 4, Access: scope[0], req: r, scope: scope[1:4], names: strings.Split(headers, ";")}
	var err error
	if s.Time, err = time.Parse(stamp4, date); err != nil || !strings.HasPrefix(date, scope[1]) || len(scope[1]) != 8 {
		return nil, fault("IncompleteSignature", "X-Amz-Date is not a time like %s, or not of the credential's date", stamp4)
	}
	if s.Value, err = hex.DecodeString(value); err != nil || len(s.Value) == 0 {
		return nil, fault("IncompleteSignature", "the signature is not hexadecimal")
	}
	if !slices.IsSorted(s.names) || !slices.Contains(s.names, "host") {
		return nil, fault("IncompleteSignature", "the signed headers are not in order, or host is not among them")
	}
	return s, nil
}

// key derives the key of a day, a region and a service.
func (s *Signature) key(secret string) []byte {
	k := []byte("AWS4" + secret)
	for _, part := range s.scope {
		k = sum(k, part)
	}
	return sum(k, "aws4_request")
}

func (s *Signature) toSign() string {
	return strings.Join([]string{algorithm4, s.Time.Format(stamp4), strings.Join(s.scope, "/") + "/aws4_request", hash(s.canonicalRequest())}, "\n")
}

func (s *Signature) canonicalRequest() string {
	r := s.req
	lines := []string{r.Verb, path4(r.Escaped), canonical(r.Query, "X-Amz-Signature")}
	for _, name := range s.names {
		lines = append(lines, name+":"+header4(r, name))
	}
	lines = append(lines, "", strings.Join(s.names, ";"), hash(string(r.Body)))
	return strings.Join(lines, "\n")
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// path4 escapes a path once more, as all services but S3 want.
func path4(escaped string) string {
	if escaped == "" {
		return "/"
	}
	words := strings.Split(escaped, "/")
	for i, w := range words {
		words[i] = escape(w)
	}
	return strings.Join(words, "/")
}

func header4(r *Request, name string) string {
	values := slices.Clone(r.Header.Values(name))
	switch name {
	case "host":
		values = []string{r.Host}
	case "content-length": // net/http takes it out of the header
		values = []string{strconv.Itoa(len(r.Body))}
	}
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}
