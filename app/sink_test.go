package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
)

// queues is a Zaqar without a Keystone, as far as events need one.
type queues struct {
	mu   sync.Mutex
	says map[string][]string // by "project/queue": event and state
	came chan string         // where something was put
}

func (q *queues) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var in struct {
		Messages []struct {
			Body struct{ Payload map[string]any }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Method != http.MethodPost {
		http.Error(w, "bad", http.StatusBadRequest)
		return
	}
	key := r.Header.Get("X-Project-Id") + "/" + strings.Split(r.URL.Path, "/")[3]
	for _, m := range in.Messages {
		p := m.Body.Payload
		q.says[key] = append(q.says[key], fmt.Sprintf("%s %s_%s", p["resource_name"], p["resource_action"], p["resource_status"]))
	}
	w.WriteHeader(http.StatusCreated)
	q.came <- key
}

func (q *queues) of(key string) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.says[key])
}

// TestSinks sends the events of those who may to their own queues; what waits when Stoker
// stops is sent before it has stopped.
func TestSinks(t *testing.T) {
	q := &queues{says: map[string][]string{}, came: make(chan string, 100)}
	srv := httptest.NewServer(q)
	defer srv.Close()
	c := config(t)
	c.TokensFile = filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(c.TokensFile, []byte("alice-0123456789abcdef shop\nbob-0123456789abcdef other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Zaqar = &app.CloudConfig{CloudLogin: app.CloudLogin{Endpoint: srv.URL}, Projects: map[string]app.CloudLogin{"shop": {}}}
	r := start(t, c)
	base, _, _ := strings.Cut(r.URL, "/v1/")
	alice := dial(t, app.Server{URL: base + "/v1/shop", Token: "alice-0123456789abcdef"})
	bob := dial(t, app.Server{URL: base + "/v1/other", Token: "bob-0123456789abcdef"})
	request := client.Request{Name: "a", Template: template, Environment: map[string]any{
		"event_sinks": []any{map[string]any{"type": "zaqar-queue", "target": "q"}},
	}}
	if _, err := bob.Create(t.Context(), request); err == nil || !strings.Contains(err.Error(), `project "other" may not send to Zaqar`) {
		t.Errorf("one who may not: %v", err)
	}
	id, err := alice.Create(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if st := await(t, alice, id); st.Status != "CREATE_COMPLETE" {
		t.Fatalf("the stack is %s: %s", st.Status, st.StatusReason)
	}
	for who, tt := range map[string]struct {
		c     *client.Client
		queue string
		words string
	}{"bob": {bob, "q", "may not send to Zaqar"}, "alice, in a bad queue": {alice, "a b", "no name of a queue"}} {
		if _, err := tt.c.Create(t.Context(), client.Request{Name: "b", Template: strings.ReplaceAll(queueTemplate, "QUEUE", tt.queue)}); err == nil || !strings.Contains(err.Error(), tt.words) {
			t.Errorf("%s: %v", who, err)
		}
	}
	id, err = alice.Create(t.Context(), client.Request{Name: "b", Template: strings.ReplaceAll(queueTemplate, "QUEUE", "told")})
	if err != nil {
		t.Fatal(err)
	}
	if st := await(t, alice, id); st.Status != "CREATE_COMPLETE" {
		t.Fatalf("the stack is %s: %s", st.Status, st.StatusReason)
	}
	for key := ""; key != "shop/told"; {
		select {
		case key = <-q.came:
		case <-time.After(patience):
			t.Fatal("the alarm tells nothing")
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if got := q.of("shop/told"); len(got) != 1 {
		t.Errorf("the alarm told %q, want one message", got)
	}
	want := []string{"a CREATE_IN_PROGRESS", "s CREATE_IN_PROGRESS", "s CREATE_COMPLETE", "a CREATE_COMPLETE"}
	if got := q.of("shop/q"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := q.of("other/q"); len(got) > 0 {
		t.Errorf("of bob's: %q", got)
	}
}

// queueTemplate has an alarm that hears of a word.
const queueTemplate = `
heat_template_version: 2018-08-31
resources:
  alarm:
    type: OS::Aodh::EventAlarm
    properties: {event_type: orchestration.stack.create.end, repeat_actions: "false", alarm_queues: ["QUEUE"]}
`

// TestSinksRefused holds configurations that cannot be.
func TestSinksRefused(t *testing.T) {
	for says, z := range map[string]app.CloudConfig{
		"no project may send events there": {CloudLogin: app.CloudLogin{Endpoint: "http://x"}},
		"not said where Zaqar is":          {Projects: map[string]app.CloudLogin{"*": {}}},
		"not whole":                        {CloudLogin: app.CloudLogin{AuthURL: "http://x/v3", Username: "u"}, Projects: map[string]app.CloudLogin{"*": {}}},
	} {
		c := config(t)
		c.Zaqar = &z
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "zaqar") {
			t.Errorf("got %v, want it to say %q", err, says)
		}
	}
	file := filepath.Join(t.TempDir(), "stoker.yaml")
	if err := os.WriteFile(file, []byte("zaqar: {endpoint: 'http://127.0.0.1:1', token: secret-token, projects: {'*': {}}}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Load(file, app.Default()); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a token that others can read: %v", err)
	}
}
