package cfn

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/awssign"
	"github.com/stoker-project/stoker/internal/token"
)

// Agents in servers ask for the metadata of their resource: with a signed address, or
// with a key that is good for nothing else.

const pollPath = "/v1/metadata/"

// PollURL is an address below base that gives the metadata of one resource to whoever
// knows it. It is the same each time and does not end.
func PollURL(base, key string, st stoker.StackRef, r stoker.ResourceName) string {
	return signedURL(base, key, pollPath, arn{st.Project, st.Name, st.ID, r})
}

// PollKey is a key with which DescribeStackResource may be asked about one resource, when
// the stack is named by its ARN.
func PollKey(key string, st stoker.StackRef, r stoker.ResourceName) (access, secret, stack string) {
	a := arn{st.Project, st.Name, st.ID, r}
	access, secret = credentials(key, a)
	a.resource = ""
	return access, secret, a.String()
}

// askedByAgent tells whether a request is signed with the key of the resource that it
// asks about, and then lets it see the resource's project.
func (s *Server) askedByAgent(c *call, sig *awssign.Signature) bool {
	a, err := parseARN(c.params.Get("StackName"))
	if err != nil || a.resource != "" || s.SignalKey == "" || c.params.Get("Action") != "DescribeStackResource" {
		return false
	}
	if a.resource = stoker.ResourceName(c.params.Get("LogicalResourceId")); a.resource == "" {
		return false
	}
	access, secret := credentials(s.SignalKey, a)
	if sig.Access != access || !sig.Made(secret) {
		return false
	}
	c.grant = token.Grant{Project: a.project, ReadOnly: true, User: string(a.resource)}
	return true
}

// poll answers the signed addresses with the metadata as JSON.
func (s *Server) poll(w http.ResponseWriter, c *call) {
	if c.Method != http.MethodGet && c.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		s.fault(w, c, &problem{http.StatusMethodNotAllowed, "InvalidAction", "Metadata is read with GET."})
		return
	}
	a, err := parseARN(strings.TrimPrefix(c.URL.Path, pollPath))
	if err == nil {
		err = s.allowed(c, pollPath, a)
	}
	if err != nil {
		s.fault(w, c, err)
		return
	}
	v, err := s.Engine.Resource(c.Context(), a.id, a.resource)
	if err != nil {
		s.fault(w, c, err)
		return
	}
	meta, err := s.Engine.AgentMetadata(c.Context(), v)
	if err != nil {
		s.fault(w, c, err)
		return
	}
	text, err := json.Marshal(meta)
	if err != nil {
		s.fault(w, c, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // who has gone away asks again
}
