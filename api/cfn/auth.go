package cfn

import (
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"github.com/stoker-project/stoker/internal/account"
	"github.com/stoker-project/stoker/internal/awssign"
)

// authenticate finds out who signed a request, and whether they may do this.
func (s *Server) authenticate(c *call, a action) error {
	sig, err := awssign.Parse(c.signed(c.Method, c.Host))
	if err != nil {
		return err
	}
	key := s.key(sig.Access)
	if key == nil && s.askedByAgent(c, sig) {
		return sig.Fresh(time.Now())
	}
	if key == nil {
		return &problem{http.StatusForbidden, "InvalidClientTokenId", "The access key is not known."}
	}
	if !sig.Made(key.Secret) {
		return &problem{http.StatusForbidden, "SignatureDoesNotMatch", "The signature is not the one of this request and this access key."}
	}
	if err := sig.Fresh(time.Now()); err != nil {
		return err
	}
	user := s.Accounts.User(key.User)
	c.grant = account.Grant(user.Name, key.Project, user.Roles[key.Project])
	switch {
	case a.harmless:
		return nil
	case c.grant.ReadOnly:
		return &problem{http.StatusForbidden, "AccessDenied", "A reader of a project changes nothing."}
	case !s.seen.first(sig.Value, time.Now()):
		return &problem{http.StatusBadRequest, "RequestExpired", "This request was here before; sign it again to repeat it."}
	}
	return nil
}

func (s *Server) key(access string) *account.Key {
	if s.Accounts == nil {
		return nil
	}
	return s.Accounts.Key(access)
}

// signed is a request as its signature sees it.
func (c *call) signed(verb, host string) *awssign.Request {
	return &awssign.Request{
		Verb: verb, Host: host, Path: c.URL.Path, Escaped: c.URL.EscapedPath(), Params: c.params, Query: c.URL.Query(),
		Header: c.Header, Body: c.body,
	}
}

// seen remembers the signatures of requests that changed something, for as
// long as they are good. Only verified ones get here, so their owners alone can
// make it grow.
type seen struct {
	mu    sync.Mutex
	until map[[sha256.Size]byte]time.Time
	swept time.Time
}

func newSeen() *seen { return &seen{until: map[[sha256.Size]byte]time.Time{}} }

// keepSeen is longer than any request is good, but for those that end by
// themselves later: these may be repeated after it, as with AWS.
const keepSeen = 2 * awssign.Skew

// first tells whether a signature is new, and remembers it.
func (s *seen) first(value []byte, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.swept) > time.Minute {
		for k, end := range s.until {
			if now.After(end) {
				delete(s.until, k)
			}
		}
		s.swept = now
	}
	k := sha256.Sum256(value)
	if now.Before(s.until[k]) {
		return false
	}
	s.until[k] = now.Add(keepSeen)
	return true
}
