package identity

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/account"
)

// ticket is what is sealed in a token, and who that is now.
type ticket struct {
	ID      string           `json:"a"`
	User    string           `json:"u"`
	App     string           `json:"c,omitempty"` // application credential
	Project stoker.ProjectID `json:"p,omitempty"` // empty: the token is unscoped
	Methods []string         `json:"m"`
	Issued  int64            `json:"i"` // Unix seconds
	Expires int64            `json:"e"`
	// Check changes with the password, and with it the token ends.
	Check string `json:"k"`

	user  *account.User
	roles []string // in the project
}

// place ties sealed tokens to their purpose: nothing else that was sealed with
// the key is one.
var place = []byte("stoker identity token")

// issue makes a token of a ticket that has its user and scope.
func (s *Server) issue(t *ticket) (string, error) {
	t.ID, t.Check = rand.Text(), s.checkOf(t)
	t.Issued = time.Now().Unix()
	if t.Expires == 0 {
		t.Expires = time.Now().Add(s.TTL).Unix()
	}
	if app := s.Accounts.App(t.App); app != nil && !app.Expires.IsZero() {
		t.Expires = min(t.Expires, app.Expires.Unix())
	}
	text, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.Key.Seal(text, place)), nil
}

// open reads a token. Whatever is wrong with it, the error is errUnauthorized.
func (s *Server) open(tok string) (*ticket, error) {
	blob, err := base64.RawURLEncoding.DecodeString(tok)
	if err != nil {
		return nil, errUnauthorized
	}
	text, err := s.Key.Open(blob, place)
	t := &ticket{}
	if err != nil || json.Unmarshal(text, t) != nil || !time.Now().Before(time.Unix(t.Expires, 0)) || s.revoked.has(t.ID) {
		return nil, errUnauthorized
	}
	t.user = s.Accounts.User(t.User)
	if t.user == nil || t.Check != s.checkOf(t) || !s.scope(t, t.Project) {
		return nil, errUnauthorized
	}
	return t, nil
}

// checkOf recognises the password or secret that a ticket was got with.
func (s *Server) checkOf(t *ticket) string {
	h := s.Key.Fingerprint()
	if u := s.Accounts.User(t.User); u != nil {
		h.Write([]byte(u.Hash)) // never fails, by its documentation
	}
	if app := s.Accounts.App(t.App); app != nil && app.User == t.User && !app.Expired() {
		h.Write([]byte("\x00" + app.Hash))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// scope sets a ticket's project and the roles there. It is false where its
// user has none.
func (s *Server) scope(t *ticket, p stoker.ProjectID) bool {
	t.Project = p
	if p == "" {
		return t.App == ""
	}
	t.roles = t.user.Roles[p]
	if t.App != "" {
		app := s.Accounts.App(t.App)
		if app == nil || app.Project != p {
			return false
		}
		if len(app.Roles) > 0 {
			t.roles = slices.DeleteFunc(slices.Clone(t.roles), func(r string) bool { return !slices.Contains(app.Roles, r) })
		}
	}
	return len(t.roles) > 0
}
