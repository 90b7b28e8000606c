package builtin

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/stoker-project/stoker"
)

// A policy is one in the form that requests are held against: all that can be made
// once is made when the pool is set.
type policy struct {
	stoker.L7Policy
	rules []rule
}

type rule struct {
	kind    stoker.L7Type
	key     string
	matches func(string) bool
	invert  bool
}

// compile gives policies that poolspec has checked in that form; nil for none.
func compile(all []stoker.L7Policy) *[]policy {
	if len(all) == 0 {
		return nil
	}
	out := make([]policy, len(all))
	for i, p := range all {
		out[i].L7Policy = p
		for _, r := range p.Rules {
			out[i].rules = append(out[i].rules, compileRule(r))
		}
	}
	return &out
}

func compileRule(r stoker.L7Rule) rule {
	out := rule{kind: r.Type, key: r.Key, invert: r.Invert}
	value, flags := r.Value, ""
	switch r.Type {
	case stoker.L7Host:
		value, flags = strings.ToLower(value), "(?i)"
	case stoker.L7Header:
		out.key = http.CanonicalHeaderKey(r.Key)
	}
	switch r.Compare {
	case stoker.L7Equal:
		out.matches = func(s string) bool { return s == value }
	case stoker.L7Start:
		out.matches = func(s string) bool { return strings.HasPrefix(s, value) }
	case stoker.L7End:
		out.matches = func(s string) bool { return strings.HasSuffix(s, value) }
	case stoker.L7Contains:
		out.matches = func(s string) bool { return strings.Contains(s, value) }
	case stoker.L7Regex:
		out.matches = regexp.MustCompile(flags + r.Value).MatchString // checked by poolspec
	}
	return out
}

// choose gives the first policy whose rules all match; nil for none.
func choose(all []policy, in *http.Request) *policy {
	for i := range all {
		if all[i].match(in) {
			return &all[i]
		}
	}
	return nil
}

func (p *policy) match(in *http.Request) bool {
	for i := range p.rules {
		if r := &p.rules[i]; r.found(in) == r.invert {
			return false
		}
	}
	return true
}

// found tells whether what the rule looks at is there and compares.
func (r *rule) found(in *http.Request) bool {
	switch r.kind {
	case stoker.L7Host:
		name := hostName(in.Host)
		return name != "" && r.matches(name)
	case stoker.L7Path:
		return r.matches(in.URL.Path)
	case stoker.L7FileType:
		kind := fileType(in.URL.Path)
		return kind != "" && r.matches(kind)
	case stoker.L7Header:
		if r.key == "Host" {
			return in.Host != "" && r.matches(in.Host) // net/http keeps it apart
		}
		for _, line := range in.Header[r.key] {
			if r.matches(line) {
				return true
			}
		}
	case stoker.L7Cookie:
		return r.cookie(in.Header["Cookie"])
	}
	return false
}

func (r *rule) cookie(lines []string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ";") {
			k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
			if strings.TrimSpace(k) == r.key && r.matches(strings.TrimSpace(v)) {
				return true
			}
		}
	}
	return false
}

// hostName is a host without its port, in lower case.
func hostName(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.ToLower(host)
}

// fileType is what follows the last dot of a path's last part.
func fileType(path string) string {
	name := path[strings.LastIndexByte(path, '/')+1:]
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[i+1:]
	}
	return ""
}

// obey does what a policy says.
func (f *front) obey(p *policy, w http.ResponseWriter, r *http.Request) {
	switch p.Action {
	case stoker.L7Reject:
		reject(w, http.StatusForbidden, "a policy of this address refuses the request")
	case stoker.L7Redirect:
		w.Header().Set("Location", p.URL)
		w.WriteHeader(p.Code)
	case stoker.L7ToPool:
		target := (*f.pool.b.routes.Load())[p.Pool]
		if target == nil {
			reject(w, http.StatusServiceUnavailable, "there are no servers for the request")
			return
		}
		f.pool.lent.Add(1)
		defer func() { f.pool.lent.Add(-1); f.pool.ended() }()
		f.serve(target, w, r)
	}
}
