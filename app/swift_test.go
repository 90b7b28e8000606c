package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoker-project/stoker/app"
)

// TestFilesContainer makes a stack of files in Swift: of a project that may, with its own
// login, from where Swift is and nowhere else.
func TestFilesContainer(t *testing.T) {
	strange := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a stranger is asked for %s with the token %q", r.URL, r.Header.Get("X-Auth-Token"))
	}))
	defer strange.Close()
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Auth-Token") != "of-shop" {
			http.Error(w, "who?", http.StatusUnauthorized)
			return
		}
		switch r.URL.Path {
		case "/v1/AUTH_shop/c":
			_, _ = w.Write([]byte(`[{"name": "word.txt", "bytes": 4}, {"name": "both.txt", "bytes": 4}]`))
		case "/v1/AUTH_shop/c/word.txt":
			_, _ = w.Write([]byte("word"))
		case "/v1/AUTH_shop/elsewhere":
			http.Redirect(w, r, strange.URL, http.StatusFound)
		default:
			http.NotFound(w, r) // both.txt is sent, and so not asked for
		}
	}))
	defer store.Close()
	c := config(t)
	c.TokensFile = filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(c.TokensFile, []byte("alice-0123456789abcdef shop\nbob-0123456789abcdef other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Swift = &app.CloudConfig{Projects: map[string]app.CloudLogin{"shop": {Endpoint: store.URL + "/v1/AUTH_shop", Token: "of-shop"}}}
	r := start(t, c)
	base, _, _ := strings.Cut(r.URL, "/v1/")
	create := func(project, token, container string) (int, string) {
		body, err := json.Marshal(map[string]any{
			"stack_name": "a", "files_container": container, "files": map[string]any{"both.txt": "sent"},
			"template": "heat_template_version: 2018-08-31\noutputs:\n  said: {value: [{get_file: word.txt}, {get_file: both.txt}]}\n",
		})
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v1/"+project+"/stacks", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Auth-Token", token)
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	for _, tt := range []struct {
		project, token, container string
		status                    int
		words                     string
	}{
		{"other", "bob-0123456789abcdef", "c", 403, "may not have files in Swift"},
		{"shop", "alice-0123456789abcdef", "none", 404, "Could not fetch files from container none"},
		{"shop", "alice-0123456789abcdef", "elsewhere", 404, "Could not fetch files from container elsewhere"},
		{"shop", "alice-0123456789abcdef", "c", 201, ""},
	} {
		if status, text := create(tt.project, tt.token, tt.container); status != tt.status || !strings.Contains(text, tt.words) {
			t.Errorf("%s, %s: got %d %s, want %d with %q", tt.project, tt.container, status, text, tt.status, tt.words)
		}
	}
	alice := dial(t, app.Server{URL: base + "/v1/shop", Token: "alice-0123456789abcdef"})
	st, err := alice.Stack(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(st.Outputs[0].Value); got != "[word sent]" {
		t.Errorf("got %s", got)
	}
	c = config(t)
	c.Swift = &app.CloudConfig{CloudLogin: app.CloudLogin{Endpoint: store.URL}, Projects: map[string]app.CloudLogin{"*": {}}}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "needs a token") || !strings.Contains(err.Error(), "swift") {
		t.Errorf("an endpoint without a token: %v", err)
	}
}
