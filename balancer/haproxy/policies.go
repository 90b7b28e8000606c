package haproxy

import (
	"fmt"
	"strings"

	"github.com/stoker-project/stoker"
)

// policies writes those of a listener: their rules, and which backends these choose.
// HAProxy carries out all http-request rules before it looks for a backend, so a policy
// that chooses a pool only notes so at its turn: those after it then leave the request
// alone.
func policies(l stoker.Listener, pools map[stoker.PoolID]*pool) (rules, choices string) {
	var w, backends strings.Builder
	unless := "" // an earlier policy has chosen a pool
	for i, p := range l.Policies {
		condition := unless
		for j, r := range p.Rules {
			name := fmt.Sprintf("policy-%d-rule-%d", i, j)
			fmt.Fprintf(&w, "  acl %s %s\n", name, acl(r))
			if r.Invert {
				name = "!" + name
			}
			condition += " " + name
		}
		target := pools[p.Pool]
		switch {
		case p.Action == stoker.L7Redirect:
			fmt.Fprintf(&w, "  http-request redirect code %d location %s if%s\n", p.Code, quote(strings.ReplaceAll(p.URL, "%", "%%")), condition)
		case p.Action == stoker.L7Reject:
			fmt.Fprintf(&w, "  http-request deny deny_status 403 if%s\n", condition)
		case target == nil || mode(target.want) == "tcp":
			fmt.Fprintf(&w, "  http-request deny deny_status 503 if%s\n", condition)
		default:
			if unless == "" {
				unless = " !policy-chosen"
				w.WriteString("  acl policy-chosen var(txn.stoker_policy) -m found\n")
			}
			fmt.Fprintf(&w, "  http-request set-var(txn.stoker_policy) int(%d) if%s\n", i, condition)
			fmt.Fprintf(&backends, "  use_backend %s if { var(txn.stoker_policy) -m int %d }\n", target.backend, i)
		}
	}
	return w.String(), backends.String()
}

// samples are what rules look at. A type of file has a name before it in the path's
// last part.
var samples = map[stoker.L7Type]string{
	stoker.L7Host:     "req.hdr(host),host_only",
	stoker.L7Path:     "path,url_dec",
	stoker.L7FileType: "path,url_dec,field(-1,/),field(2,.,0),field(-1,.)",
	stoker.L7Header:   "req.fhdr(%s)",
	stoker.L7Cookie:   "req.cook(%s)",
}

var methods = map[stoker.L7Compare]string{
	stoker.L7Equal: "str", stoker.L7Start: "beg", stoker.L7End: "end", stoker.L7Contains: "sub", stoker.L7Regex: "reg",
}

// acl is a rule's condition without its inversion.
func acl(r stoker.L7Rule) string {
	sample := samples[r.Type]
	if r.Key != "" {
		sample = fmt.Sprintf(sample, r.Key)
	}
	if r.Type == stoker.L7Host {
		sample += " -i"
	}
	return fmt.Sprintf("%s -m %s -- %s", sample, methods[r.Compare], quote(r.Value))
}

// quote makes one word of a text that has no line ends: between single quotes nothing
// means anything to HAProxy but the quote itself.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// hasPolicies tells whether any listener has some.
func hasPolicies(p stoker.Pool) bool {
	for _, l := range p.Listeners {
		if len(l.Policies) > 0 {
			return true
		}
	}
	return false
}
