package builtin

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/stoker-project/stoker"
)

// cookieFor gives the value that binds a client to a member. It tells nothing
// of the member's name and is the same after a restart.
func cookieFor(pool stoker.PoolID, id stoker.MemberID) string {
	sum := sha256.Sum256([]byte(string(pool) + "\x00" + string(id)))
	return hex.EncodeToString(sum[:12])
}

// takeCookie gives the value of the first cookie of that name and the headers
// without any of that name: members need not see it.
func takeCookie(lines []string, name string) (value string, rest []string) {
	for _, line := range lines {
		kept := make([]string, 0, 8)
		for part := range strings.SplitSeq(line, ";") {
			part = strings.TrimSpace(part)
			k, v, _ := strings.Cut(part, "=")
			switch {
			case strings.TrimSpace(k) != name:
				if part != "" {
					kept = append(kept, part)
				}
			case value == "":
				value = strings.Trim(v, ` "`)
			}
		}
		if len(kept) > 0 {
			rest = append(rest, strings.Join(kept, "; "))
		}
	}
	return value, rest
}

// bind asks the client to come back to the member.
func bind(h http.Header, name string, m *member, secure bool) {
	c := http.Cookie{
		Name: name, Value: m.cookie, Path: "/",
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	}
	h.Add("Set-Cookie", c.String())
}
