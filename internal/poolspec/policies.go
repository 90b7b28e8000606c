package poolspec

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
)

// Policies checks the policies of a listener, and gives them with the defaults. Errors:
// Invalid.
func Policies(l stoker.Listener) ([]stoker.L7Policy, error) {
	if len(l.Policies) > 0 && l.Protocol == stoker.ProtocolTCP {
		return nil, stoker.Errorf(stoker.Invalid, "policies need protocol http or https, not tcp")
	}
	out := slices.Clone(l.Policies)
	for i := range out {
		p := &out[i]
		if err := policy(p); err != nil {
			return nil, fmt.Errorf("policy %d: %w", i, err)
		}
		for j, r := range p.Rules {
			if err := L7Rule(r); err != nil {
				return nil, fmt.Errorf("policy %d: rule %d: %w", i, j, err)
			}
		}
	}
	return out, nil
}

// codes are those that a redirect may have.
var codes = []int{301, 302, 303, 307, 308}

func policy(p *stoker.L7Policy) error {
	if len(p.Rules) == 0 {
		return stoker.Errorf(stoker.Invalid, "it has no rules, and would match nothing")
	}
	switch p.Action {
	case stoker.L7Reject:
	case stoker.L7Redirect:
		p.Code = cmp.Or(p.Code, 302)
		if !slices.Contains(codes, p.Code) {
			return stoker.Errorf(stoker.Invalid, "code %d is not one of %v", p.Code, codes)
		}
		return URL(p.URL)
	case stoker.L7ToPool:
		if p.Pool == "" {
			return stoker.Errorf(stoker.Invalid, "action pool needs a pool")
		}
	default:
		return stoker.Errorf(stoker.Invalid, "unknown action %q, want reject, redirect or pool", p.Action)
	}
	return nil
}

// URL checks where a redirect leads. Errors: Invalid.
func URL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.ContainsFunc(text, notURL) {
		return stoker.Errorf(stoker.Invalid, "%q is no address to lead to, like https://example.com/moved", text)
	}
	return nil
}

// notURL tells whether c may not stand in a URL (RFC 3986).
func notURL(c rune) bool {
	return c <= ' ' || c >= 0x7f || strings.ContainsRune("\"<>\\^`{|}", c)
}

// L7Rule checks a rule. Errors: Invalid.
func L7Rule(r stoker.L7Rule) error {
	switch r.Type {
	case stoker.L7Host, stoker.L7Path, stoker.L7FileType:
		if r.Key != "" {
			return stoker.Errorf(stoker.Invalid, "type %s has no key", r.Type)
		}
	case stoker.L7Header, stoker.L7Cookie:
		if r.Key == "" || strings.ContainsFunc(r.Key, notKey) {
			return stoker.Errorf(stoker.Invalid, "%q is not a name for a %s: want letters, digits and . _ -", r.Key, r.Type)
		}
	default:
		return stoker.Errorf(stoker.Invalid, "unknown type %q, want host_name, path, file_type, header or cookie", r.Type)
	}
	if r.Value == "" || strings.ContainsFunc(r.Value, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return stoker.Errorf(stoker.Invalid, "value %q must hold something, and no line ends or control characters", r.Value)
	}
	switch r.Compare {
	case stoker.L7Equal, stoker.L7Start, stoker.L7End, stoker.L7Contains:
	case stoker.L7Regex:
		if _, err := regexp.Compile(r.Value); err != nil {
			return stoker.Errorf(stoker.Invalid, "%w", err)
		}
	default:
		return stoker.Errorf(stoker.Invalid, "unknown comparison %q, want equal_to, starts_with, ends_with, contains or regex", r.Compare)
	}
	return nil
}

// notKey tells whether c may not stand in the name of a header or cookie: what the
// standards allow beside these, balancers use for themselves.
func notKey(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("._-", c)
}
