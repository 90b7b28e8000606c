package swift_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/swift"
)

// account is a Swift with one account, as far as reading goes.
func account(t *testing.T, files map[string]string) swift.Account {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, ok := strings.CutPrefix(r.URL.Path, "/v1/AUTH_shop/c")
		name, isFile := strings.CutPrefix(rest, "/")
		text, there := files[name]
		switch {
		case !ok || isFile && !there || !isFile && rest != "":
			http.NotFound(w, r)
		case isFile:
			_, _ = w.Write([]byte(text))
		case r.URL.Query().Get("format") != "json":
			http.Error(w, "a list as text", http.StatusBadRequest)
		default:
			page := []map[string]any{}
			for _, name := range slices.Sorted(maps.Keys(files)) {
				if name > r.URL.Query().Get("marker") && len(page) < 1000 {
					page = append(page, map[string]any{"name": name, "bytes": len(files[name])})
				}
			}
			_ = json.NewEncoder(w).Encode(page)
		}
	}))
	t.Cleanup(srv.Close)
	return swift.Account{URL: srv.URL + "/v1/AUTH_shop", HTTP: srv.Client()}
}

func none(string) bool { return false }

func TestFiles(t *testing.T) {
	a := account(t, map[string]string{"a.yaml": "one", "dir/b c?.yaml": "two", "ü%2f": "three", "skipped": strings.Repeat("x", 100)})
	got, err := a.Files(t.Context(), "c", func(name string) bool { return name == "skipped" }, 50)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"a.yaml": "one", "dir/b c?.yaml": "two", "ü%2f": "three"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, err := account(t, nil).Files(t.Context(), "c", none, 50); err != nil || len(got) != 0 {
		t.Errorf("an empty container: got %v, %v", got, err)
	}
}

func TestRefused(t *testing.T) {
	many := map[string]string{}
	for i := range 1001 {
		many[fmt.Sprintf("f%04d", i)] = ""
	}
	for name, tt := range map[string]struct {
		files     map[string]string
		container string
		kind      stoker.Kind
		typ       string
		words     string
	}{
		"no container": {nil, "d", stoker.NotFound, "NotFound", "Could not fetch files from container d, reason: the answer is 404"},
		"no name":      {nil, "../c", stoker.NotFound, "NotFound", "no name of a container"},
		"too long":     {map[string]string{"a": "12345", "b": "123456"}, "c", stoker.Invalid, "DownloadLimitExceeded", "Total size of files to download (11 bytes) exceeds maximum allowed (10 bytes)."},
		"too many":     {many, "c", stoker.NotFound, "NotFound", "more than 1000 files"},
		"no text":      {map[string]string{"a": "\xff"}, "c", stoker.Invalid, "", "not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := account(t, tt.files).Files(t.Context(), tt.container, none, 10)
			e, ok := stoker.AsError(err)
			if !ok || e.Kind != tt.kind || e.Type != tt.typ || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("got %+v, want %s %s with %q", err, tt.kind, tt.typ, tt.words)
			}
		})
	}
}

// A server that says what is not so, or nothing, is no harm.
func TestBadServers(t *testing.T) {
	for name, answer := range map[string]string{
		"no list":       `{"a": 1}`,
		"no names":      `[{"subdir": "x/"}]`,
		"negative size": `[{"name": "a", "bytes": -1000}]`,
		"a lie":         `[{"name": "a", "bytes": 1}]` + strings.Repeat(" ", 100),
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
		a := swift.Account{URL: srv.URL, HTTP: srv.Client()}
		if got, err := a.Files(t.Context(), "c", none, 50); err == nil {
			t.Errorf("%s: got %v", name, got)
		}
		srv.Close()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := account(t, nil).Files(ctx, "c", none, 50); err == nil {
		t.Error("one who does not wait: got no error")
	}
}
