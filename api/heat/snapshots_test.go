package heat_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
)

const shotTemplate = `heat_template_version: 2021-04-16
parameters: {word: {type: string}, secret: {type: string, hidden: true}}
resources:
  a: {type: OS::Heat::Value, properties: {value: {get_param: word}}}
  code: {type: OS::Heat::RandomString}
outputs:
  word: {value: {get_attr: [a, value]}}
`

func (w *world) settled(id stoker.StackID, state string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	st, err := w.engine.Await(ctx, id)
	if err != nil || st.State() != state {
		w.t.Fatalf("got %v, %v, want %s", st, err, state)
	}
}

func TestSnapshots(t *testing.T) {
	w := newWorld(t)
	st := w.create("a", map[string]any{"template": shotTemplate, "parameters": map[string]any{"word": "first", "secret": "hunter2"}})
	w.settled(st.ID, "CREATE_COMPLETE")
	at := "/stacks/a/" + string(st.ID)
	begun := w.do("POST", at+"/snapshots", map[string]any{"name": "one"}).want(t, 200)
	id := begun.value(t, "id").(string)
	if begun.value(t, "status") != "IN_PROGRESS" || begun.value(t, "name") != "one" {
		t.Errorf("begun: got %s", begun.text)
	}
	w.settled(st.ID, "SNAPSHOT_COMPLETE")
	if list := w.do("GET", at+"/snapshots", nil).want(t, 200).value(t, "snapshots").([]any); len(list) != 1 {
		t.Errorf("got %d snapshots, want 1", len(list))
	}
	shown := w.do("GET", at+"/snapshots/"+id, nil).want(t, 200)
	shot := shown.value(t, "snapshot").(map[string]any)
	data := shot["data"].(map[string]any)
	template := data["template"].(map[string]any)
	parameters := data["environment"].(map[string]any)["parameters"]
	if shot["status"] != "COMPLETE" || template["heat_template_version"] == nil || fmt.Sprint(parameters) != "map[secret:****** word:first]" {
		t.Errorf("got %s", shown.text)
	}
	if strings.Contains(shown.text, "hunter2") {
		t.Errorf("a hidden parameter is shown: %s", shown.text)
	}
	w.do("PATCH", at, map[string]any{"parameters": map[string]any{"word": "second"}}).want(t, 202)
	w.settled(st.ID, "UPDATE_COMPLETE")
	w.do("POST", at+"/snapshots/"+id+"/restore", nil).want(t, 202)
	w.settled(st.ID, "RESTORE_COMPLETE")
	if got := w.do("GET", at+"/outputs/word", nil).want(t, 200); !strings.Contains(got.text, "first") {
		t.Errorf("restored: got %s", got.text)
	}
	w.do("DELETE", at+"/snapshots/"+id, nil).want(t, 204)
	for _, tt := range []struct{ method, path string }{{"GET", ""}, {"DELETE", ""}, {"POST", "/restore"}} {
		w.do(tt.method, at+"/snapshots/"+id+tt.path, nil).wantFault(t, 404, "SnapshotNotFound", "The Snapshot ("+id+") for Stack (a) could not be found.")
	}
}

// A snapshot is its project's own, and readers change nothing.
func TestSnapshotsOfOthers(t *testing.T) {
	w := newWorld(t)
	st := w.create("a", map[string]any{"template": valueTemplate})
	w.settled(st.ID, "CREATE_COMPLETE")
	at := "/stacks/a/" + string(st.ID) + "/snapshots"
	id := w.do("POST", at, "{}").want(t, 200).value(t, "id").(string)
	w.settled(st.ID, "SNAPSHOT_COMPLETE")
	for _, path := range []string{"", "/" + id} {
		w.as(bobToken, "GET", "/v1/other"+at+path, nil).wantFault(t, 404, "EntityNotFound", "could not be found")
		w.as(bobToken, "GET", "/v1/shop"+at+path, nil).wantFault(t, 403, "Forbidden", "")
		w.as(readerToken, "GET", "/v1/shop"+at+path, nil).want(t, 200)
	}
	w.as(bobToken, "POST", "/v1/other"+at+"/"+id+"/restore", nil).wantFault(t, 404, "EntityNotFound", "could not be found")
	w.as(readerToken, "POST", "/v1/shop"+at, "{}").wantFault(t, 403, "Forbidden", "")
	w.as(readerToken, "POST", "/v1/shop"+at+"/"+id+"/restore", nil).wantFault(t, 403, "Forbidden", "")
	w.as(readerToken, "DELETE", "/v1/shop"+at+"/"+id, nil).wantFault(t, 403, "Forbidden", "")
}
