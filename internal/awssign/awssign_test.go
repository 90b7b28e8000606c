package awssign_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker/internal/awssign"
)

const (
	access = "AKIDEXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

// vanilla is get-vanilla of AWS's test suite for version 4.
func vanilla() *awssign.Request {
	return &awssign.Request{
		Verb: "GET", Host: "example.amazonaws.com", Path: "/", Escaped: "/",
		Header: http.Header{
			"X-Amz-Date": {"20150830T123600Z"},
			"Authorization": {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
				"SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		},
	}
}

// ordered is get-vanilla-query-order-key-case of the same suite.
func ordered() *awssign.Request {
	r := vanilla()
	r.Query = url.Values{"Param2": {"value2"}, "Param1": {"value1"}}
	r.Params = r.Query
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"),
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500", 1))
	return r
}

// listed is the example of AWS's guide to signing for IAM, version 4.
func listed() *awssign.Request {
	q := url.Values{"Action": {"ListUsers"}, "Version": {"2010-05-08"}}
	return &awssign.Request{
		Verb: "GET", Host: "iam.amazonaws.com", Path: "/", Escaped: "/", Query: q, Params: q,
		Header: http.Header{
			"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}, "X-Amz-Date": {"20150830T123600Z"},
			"Authorization": {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, " +
				"SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
		},
	}
}

// mapreduce is the example of AWS's guide to version 2.
func mapreduce() *awssign.Request {
	q := url.Values{
		"AWSAccessKeyId": {"AKIAIOSFODNN7EXAMPLE"}, "Action": {"DescribeJobFlows"}, "SignatureMethod": {"HmacSHA256"},
		"SignatureVersion": {"2"}, "Timestamp": {"2011-10-03T15:19:30"}, "Version": {"2009-03-31"},
		"Signature": {"i91nKc4PWAt0JJIdXwz9HxZCJDdiy6cf/Mj6vPxyYIs="},
	}
	return &awssign.Request{Verb: "GET", Host: "elasticmapreduce.amazonaws.com", Path: "/", Params: q, Query: q, Header: http.Header{}}
}

func TestVectors(t *testing.T) {
	for name, tt := range map[string]struct {
		r      *awssign.Request
		secret string
	}{
		"v4 get-vanilla": {vanilla(), secret}, "v4 query order": {ordered(), secret}, "v4 IAM": {listed(), secret},
		"v2": {mapreduce(), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
	} {
		s, err := awssign.Parse(tt.r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !s.Made(tt.secret) {
			t.Errorf("%s: the signature is refused", name)
		}
		if s.Made(tt.secret+"x") || s.Made("") {
			t.Errorf("%s: another secret is accepted", name)
		}
		if err := s.Fresh(s.Time.Add(14 * time.Minute)); err != nil {
			t.Errorf("%s: after 14 minutes: %v", name, err)
		}
		for _, d := range []time.Duration{-16 * time.Minute, 16 * time.Minute} {
			if err := s.Fresh(s.Time.Add(d)); err == nil {
				t.Errorf("%s: it is good %s later", name, d)
			}
		}
	}
}

func TestWhatIsSigned(t *testing.T) {
	for name, change := range map[string]func(*awssign.Request){
		"verb": func(r *awssign.Request) { r.Verb = "POST" },
		"host": func(r *awssign.Request) { r.Host = "example.org" },
		"path": func(r *awssign.Request) { r.Path, r.Escaped = "/x", "/x" },
		"query": func(r *awssign.Request) {
			r.Params.Set("Action", "DeleteStack")
		},
		"more": func(r *awssign.Request) { r.Params.Set("More", "1") },
	} {
		for version, make := range map[string]func() *awssign.Request{"2": mapreduce, "4": listed} {
			r := make()
			change(r)
			s, err := awssign.Parse(r)
			if err == nil && (s.Made(secret) || s.Made("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")) {
				t.Errorf("version %s: another %s is accepted", version, name)
			}
		}
	}
	r := listed()
	r.Body = []byte("Action=DeleteStack")
	if s, err := awssign.Parse(r); err != nil || s.Made(secret) {
		t.Errorf("version 4: another body is accepted (%v)", err)
	}
}

func TestSign2(t *testing.T) {
	r := &awssign.Request{Verb: "POST", Host: "stoker:8004", Path: "/v1/signal/arn:a b", Params: url.Values{"Expires": {"2030-01-01T00:00:00Z"}}, Header: http.Header{}}
	r.Params = awssign.Sign2(r, "key", "secret of it")
	s, err := awssign.Parse(r)
	if err != nil || s.Access != "key" || !s.Made("secret of it") {
		t.Fatalf("its own signature is refused: %+v, %v", s, err)
	}
	if err := s.Fresh(time.Date(2029, 12, 31, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Error(err)
	}
	if err := s.Fresh(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)); err == nil {
		t.Error("it is good after its end")
	}
}

func TestPresigned4(t *testing.T) {
	q := url.Values{"X-Amz-Algorithm": {"AWS4-HMAC-SHA256"}, "X-Amz-Credential": {"AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request"},
		"X-Amz-Date": {"20150830T123600Z"}, "X-Amz-Expires": {"60"}, "X-Amz-SignedHeaders": {"host"}, "Action": {"ListUsers"}, "Version": {"2010-05-08"},
		"X-Amz-Signature": {"ab"}}
	r := &awssign.Request{Verb: "GET", Host: "iam.amazonaws.com", Path: "/", Escaped: "/", Query: q, Params: q, Header: http.Header{}}
	s, err := awssign.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if s.Made(secret) {
		t.Error("a wrong signature is accepted")
	}
	if err := s.Fresh(s.Time.Add(61 * time.Second)); err == nil {
		t.Error("it is good after its end")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=A/20150830/r/s/aws4_request, SignedHeaders=host;x-amz-date, Signature=ab", "X-Amz-Algorithm=x", "20150830T123600Z")
	f.Add("", "AWSAccessKeyId=a&Signature=YQ==&SignatureVersion=2&SignatureMethod=HmacSHA256&Timestamp=2011-10-03T15:19:30", "")
	f.Fuzz(func(t *testing.T, auth, query, date string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		r := &awssign.Request{Verb: "GET", Host: "h", Path: "/v1/", Escaped: "/v1/", Params: q, Query: q,
			Header: http.Header{"Authorization": {auth}, "X-Amz-Date": {date}}}
		if s, err := awssign.Parse(r); err == nil && s.Made("a secret that nobody has") {
			t.Errorf("a made-up signature is accepted: %q %q", auth, query)
		}
	})
}
