package clients_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestActions drives Heat's actions with its own client on servers that run.
func TestActions(t *testing.T) {
	need(t, openstack, "")
	at := serve(t, binary(t), people+"driver: process\n"+abandoning)
	s := &shell{t: t, env: asAlice(at + "/v3")}
	a := &actions{shell: s}
	a.stack("create", "-t", "testdata/actions.yaml", "--wait", "--poll", "1", "a")
	url := strings.TrimSpace(a.stack("output", "show", "a", "url", "-f", "value", "-c", "output_value"))
	a.serves(url, http.StatusOK)
	t.Run("suspend and resume", func(t *testing.T) { a.suspends(url) })
	t.Run("check", func(t *testing.T) { a.checks() })
	t.Run("hooks", func(t *testing.T) { a.hooks() })
	t.Run("cancel", func(t *testing.T) { a.cancels() })
	t.Run("snapshots", func(t *testing.T) { a.snapshots() })
	t.Run("abandon and adopt", func(t *testing.T) { a.abandons(url) })
	t.Run("abandon and adopt with heat", func(t *testing.T) { a.abandonsWithHeat(url) })
	a.stack("delete", "-y", "--wait", "a")
}

type actions struct{ *shell }

func (a *actions) stack(args ...string) string {
	a.t.Helper()
	return a.run(openstack, append([]string{"stack"}, args...)...)
}

// state waits for a stack's state.
func (a *actions) state(want string) {
	a.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		got := strings.TrimSpace(a.stack("show", "a", "-f", "value", "-c", "stack_status"))
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("the stack is %s, want %s", got, want)
		}
	}
}

func (a *actions) serves(url string, status int) {
	a.t.Helper()
	res, err := http.Get(url)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != status {
		a.t.Errorf("%s answers %d, want %d", url, res.StatusCode, status)
	}
}

// fails runs what is to be refused.
func (a *actions) fails(words string, args ...string) {
	a.t.Helper()
	out, errs, err := a.try(openstack, append([]string{"stack"}, args...)...)
	if err == nil || !strings.Contains(errs, words) {
		a.t.Errorf("%q: got %v, %s%s, want a refusal with %q", args, err, out, errs, words)
	}
}

// wants runs commands and looks for words in what they print.
func (a *actions) wants(commands string, words ...string) {
	a.t.Helper()
	out := a.session(openstack, commands)
	for _, w := range words {
		if !strings.Contains(out, w) {
			a.t.Errorf("%s: got %s\nwant something with %q", commands, out, w)
		}
	}
}

func (a *actions) suspends(url string) {
	a.wants("stack suspend --wait a", "SUSPEND_COMPLETE")
	a.serves(url, http.StatusServiceUnavailable)
	a.fails("Updating a stack when it is suspended is not supported", "update", "--existing", "a")
	a.fails("Signal resource during SUSPEND is not supported", "resource", "signal", "a", "handle")
	a.wants("stack resume --wait a", "RESUME_COMPLETE")
	a.serves(url, http.StatusOK)
}

// snapshots goes back to a text that was changed since.
func (a *actions) snapshots() {
	a.stack("update", "-t", "testdata/actions.yaml", "--parameter", "text=kept", "--wait", "a")
	id := strings.TrimSpace(a.stack("snapshot", "create", "--name", "kept", "a", "-f", "value", "-c", "ID"))
	a.state("SNAPSHOT_COMPLETE")
	a.wants("stack snapshot list a", id, "kept", "COMPLETE")
	a.wants("stack snapshot show a "+id, "heat_template_version", "resource_registry")
	a.stack("update", "--existing", "--parameter", "text=changed", "--wait", "a")
	a.stack("snapshot", "restore", "a", id)
	a.state("RESTORE_COMPLETE")
	a.wants("stack environment show a", "text: kept")
	a.wants("stack event list a", "SNAPSHOT_COMPLETE", "RESTORE_COMPLETE")
	a.stack("snapshot", "delete", "-y", "a", id)
	a.fails("not found", "snapshot", "show", "a", id)
}

// abandoning is the configuration that allows it.
const abandoning = "enable_stack_abandon: true\nenable_stack_adopt: true\n"

// server is what the client calls the server of the stack.
func (a *actions) server() string {
	a.t.Helper()
	return strings.TrimSpace(a.stack("resource", "show", "a", "server", "-f", "value", "-c", "physical_resource_id"))
}

// abandons leaves the stack's server running and takes it back.
func (a *actions) abandons(url string) {
	server := a.server()
	file := filepath.Join(a.t.TempDir(), "left.json")
	a.wants("stack export a", `"stack_user_project_id"`, server)
	a.wants("stack abandon a --output-file " + file)
	a.fails("Stack not found: a", "show", "a")
	a.serves(url, http.StatusOK)
	a.wants("stack adopt --adopt-file "+file+" --wait a", "ADOPT_COMPLETE")
	if got := a.server(); got != server {
		a.t.Errorf("the stack has server %s, want %s", got, server)
	}
	a.wants("stack event list a --resource server", "ADOPT_IN_PROGRESS", "ADOPT_COMPLETE")
	a.stack("update", "--existing", "--parameter", "text=adopted", "--wait", "a")
	a.serves(url, http.StatusOK)
}

func (a *actions) abandonsWithHeat(url string) {
	if _, err := os.Stat(heat); err != nil {
		a.t.Skipf("%s is not installed (make deps)", heat)
	}
	server := a.server()
	left := a.run(heat, "stack-abandon", "a")
	a.serves(url, http.StatusOK)
	file := writeFile(a.t, "left.json", left[strings.Index(left, "{"):])
	a.run(heat, "stack-adopt", "-a", file, "a")
	a.state("ADOPT_COMPLETE")
	if got := a.server(); got != server {
		a.t.Errorf("the stack has server %s, want %s", got, server)
	}
}

func (a *actions) checks() {
	a.wants("stack check --wait a", "CHECK_COMPLETE")
	a.stack("resource", "mark", "unhealthy", "a", "server", "it is old")
	var before, after struct {
		ID     string `json:"physical_resource_id"`
		Status string `json:"resource_status"`
		Reason string `json:"resource_status_reason"`
	}
	a.decode(&before, "resource", "show", "a", "server", "-f", "json")
	if before.Status != "CHECK_FAILED" || before.Reason != "it is old" {
		a.t.Errorf("a server that is called sick: got %+v", before)
	}
	a.stack("update", "--existing", "--converge", "--wait", "a")
	a.decode(&after, "resource", "show", "a", "server", "-f", "json")
	if after.ID == before.ID || after.Status != "CREATE_COMPLETE" {
		a.t.Errorf("after the update: got %+v, want another server than %s", after, before.ID)
	}
}

func (a *actions) decode(into any, args ...string) {
	a.t.Helper()
	if err := json.Unmarshal([]byte(a.stack(args...)), into); err != nil {
		a.t.Fatal(err)
	}
}

func (a *actions) hooks() {
	env := writeFile(a.t, "hooks.yaml", "resource_registry: {resources: {slow: {hooks: pre-update}}}\n")
	a.stack("update", "-t", "testdata/actions.yaml", "-e", env, "--parameter", "text=hooked", "a")
	deadline := time.Now().Add(30 * time.Second)
	for {
		out := a.stack("hook", "poll", "a")
		if strings.Contains(out, "slow") && strings.Contains(out, "UPDATE paused until Hook pre-update is cleared") {
			break
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("the client sees no hook: %s", out)
		}
	}
	a.stack("hook", "clear", "--pre-update", "a", "slow")
	a.state("UPDATE_COMPLETE")
	// What follows would wait at the hook too, rollbacks as well.
	a.stack("update", "-t", "testdata/actions.yaml", "--parameter", "text=hooked", "a")
	a.state("UPDATE_COMPLETE")
}

func (a *actions) cancels() {
	a.fails("not in cancelable state", "cancel", "a") // the client looks by itself
	slow := strings.Replace(readFile(a.t, "testdata/actions.yaml"), "{update: 0}", "{update: 600}", 1)
	file := writeFile(a.t, "slow.yaml", slow)
	a.stack("update", "-t", file, "--parameter", "text=two", "a")
	a.state("UPDATE_IN_PROGRESS")
	a.stack("cancel", "--wait", "a")
	a.state("ROLLBACK_COMPLETE")
	a.stack("update", "-t", file, "--parameter", "text=two", "a")
	a.stack("cancel", "--no-rollback", "a")
	a.state("UPDATE_FAILED")
}
