package heat

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

type link struct {
	Href string `json:"href"`
	Rel  string `json:"rel"`
}

// base is the address of the API as the client sees it, without a slash at the end.
func base(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// stackURL is the canonical address of a stack.
func stackURL(r *http.Request, st *stoker.Stack) string {
	return strings.Join([]string{base(r), "v1", url.PathEscape(string(st.Project)), "stacks", url.PathEscape(st.Name), string(st.ID)}, "/")
}

func resourceURL(r *http.Request, st *stoker.Stack, name stoker.ResourceName) string {
	return stackURL(r, st) + "/resources/" + url.PathEscape(string(name))
}

// moment is a time as Heat writes it, null when it is zero.
func moment(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05Z")
	return &s
}

// orNull gives null for the empty string.
func orNull[S ~string](s S) *S {
	if s == "" {
		return nil
	}
	return &s
}

// summary is a stack as lists show it.
type summary struct {
	ID           stoker.StackID   `json:"id"`
	Links        []link           `json:"links"`
	Name         string           `json:"stack_name"`
	Description  string           `json:"description"`
	Status       string           `json:"stack_status"`
	StatusReason string           `json:"stack_status_reason"`
	Created      *string          `json:"creation_time"`
	Updated      *string          `json:"updated_time"`
	Deleted      *string          `json:"deletion_time"`
	Owner        string           `json:"stack_owner"`
	Parent       *stoker.StackID  `json:"parent"`
	UserProject  stoker.ProjectID `json:"stack_user_project_id"`
	Tags         []string         `json:"tags"`
	Project      stoker.ProjectID `json:"project,omitempty"`
}

func summaryOf(r *http.Request, st *stoker.Stack) summary {
	return summary{
		ID: st.ID, Links: []link{{stackURL(r, st), "self"}}, Name: st.Name,
		Status: st.State(), StatusReason: st.StatusReason,
		Created: moment(st.Created), Updated: moment(st.Updated), Deleted: moment(st.Deleted),
		Owner: st.Owner, Parent: orNull(st.Parent), UserProject: st.Project, Tags: st.Tags,
	}
}
