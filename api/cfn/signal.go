package cfn

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/awssign"
	"github.com/stoker-project/stoker/internal/token"
	"github.com/stoker-project/stoker/internal/value"
)

// Where signals go. Each address is signed with the verb that Heat's clients
// use there, and takes the other one too: cfn-signal sends PUT to any.
const (
	signalPath = "/v1/signal/"
	waitPath   = "/v1/waitcondition/"
)

var verbs = map[string]string{signalPath: http.MethodPost, waitPath: http.MethodPut, pollPath: http.MethodGet}

// SignalURL is an address below base that takes signals for one resource, and
// for nothing else, from whoever knows it. It is the same each time and does not
// end, as with Heat: what it was given to may start late, or signal often.
func SignalURL(base, key string, st stoker.StackRef, r stoker.ResourceName) string {
	return signedURL(base, key, signalPath, arn{st.Project, st.Name, st.ID, r})
}

// WaitURL is as SignalURL, for handles of wait conditions: it answers with
// what the handle has got.
func WaitURL(base, key string, st stoker.StackRef, r stoker.ResourceName) string {
	return signedURL(base, key, waitPath, arn{st.Project, st.Name, st.ID, r})
}

// SignalPath tells which resource the path of such an address is for; false when it is
// the path of something else.
func SignalPath(path string) (stoker.ProjectID, stoker.StackID, stoker.ResourceName, bool) {
	for _, prefix := range []string{signalPath, waitPath} {
		if text, in := strings.CutPrefix(path, prefix); in {
			a, err := parseARN(text)
			return a.project, a.id, a.resource, err == nil && a.resource != ""
		}
	}
	return "", "", "", false
}

func signedURL(base, key, path string, a arn) string {
	access, secret := credentials(key, a)
	base = strings.TrimSuffix(base, "/")
	req := &awssign.Request{Verb: verbs[path], Host: hostOf(base), Path: path + a.String()}
	return base + path + url.PathEscape(a.String()) + "?" + awssign.Sign2(req, access, secret).Encode()
}

func hostOf(base string) string {
	_, host, _ := strings.Cut(base, "://")
	host, _, _ = strings.Cut(host, "/")
	return host
}

// credentials are those of one resource, derived from the key: nothing is
// stored, and one resource's say nothing of another's.
func credentials(key string, a arn) (access, secret string) {
	words := []string{string(a.project), string(a.id), string(a.resource)}
	access = token.Sign(key, append([]string{"signal access"}, words...)...)[:32]
	return access, token.Sign(key, append([]string{"signal secret"}, words...)...)
}

// signal answers the signed addresses.
func (s *Server) signal(w http.ResponseWriter, c *call) {
	path := signalPath
	if strings.HasPrefix(c.URL.Path, waitPath) {
		path = waitPath
	}
	if c.Method != http.MethodPost && c.Method != http.MethodPut {
		w.Header().Set("Allow", "POST, PUT")
		s.fault(w, c, &problem{http.StatusMethodNotAllowed, "InvalidAction", "Signals come with POST or PUT."})
		return
	}
	a, err := parseARN(strings.TrimPrefix(c.URL.Path, path))
	if err == nil {
		err = s.allowed(c, path, a)
	}
	if err == nil {
		err = s.send(c, a)
	}
	if err != nil {
		s.fault(w, c, err)
		return
	}
	if path == waitPath {
		s.answerWait(w, c, a)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=UTF-8") // Heat's
	w.WriteHeader(http.StatusOK)
}

// allowed checks the signature of an address, over the host in the request or
// the configured one: a proxy may have changed it.
func (s *Server) allowed(c *call, path string, a arn) error {
	access, secret := credentials(s.SignalKey, a)
	made := false
	var sig *awssign.Signature
	for _, host := range slices.Compact([]string{c.Host, hostOf(s.URL)}) {
		var err error
		if sig, err = awssign.Parse(c.signed(verbs[path], host)); err != nil {
			return &problem{http.StatusForbidden, "AccessDenied", "The signature of the address is damaged: " + err.Error() + "."}
		}
		made = made || sig.Version == 2 && sig.Access == access && sig.Made(secret)
	}
	if !made || s.SignalKey == "" || a.resource == "" {
		return &problem{http.StatusForbidden, "AccessDenied", "The signature of the address is not right."}
	}
	if sig.Expires.IsZero() {
		return nil
	}
	return sig.Fresh(time.Now())
}

// send hands the signal over. The name in the ARN is a comfort: the ID counts.
func (s *Server) send(c *call, a arn) error {
	body, err := value.DecodeMap(bytes.TrimSpace(c.body))
	if err != nil {
		return invalid("the signal's body: %w", err)
	}
	found, err := s.Engine.Stacks(c.Context(), stoker.StackFilter{Project: a.project, ID: a.id, Brief: true})
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return stoker.Errorf(stoker.NotFound, "The Stack (%s) could not be found.", a.name)
	}
	return s.Engine.Signal(c.Context(), a.id, a.resource, body)
}

// answerWait tells a handle's metadata, as Heat does.
func (s *Server) answerWait(w http.ResponseWriter, c *call, a arn) {
	v, err := s.Engine.Resource(c.Context(), a.id, a.resource)
	if err != nil {
		s.fault(w, c, err)
		return
	}
	meta := v.Metadata
	if meta == nil {
		meta = map[string]any{}
	}
	c.params.Set("ContentType", "JSON")
	c.write(w, http.StatusOK, object{{"resource", a.resource}, {"metadata", meta}})
}
