package app_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoker-project/stoker/app"
)

// TestTemplateURL fetches from this machine only if that is allowed.
func TestTemplateURL(t *testing.T) {
	templates := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(template)) }))
	defer templates.Close()
	for _, allowed := range []bool{false, true} {
		c := config(t)
		if allowed {
			c.AllowFetch = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}
		r := start(t, c)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.URL+"/stacks/preview",
			strings.NewReader(`{"stack_name": "a", "template_url": "`+templates.URL+`/a.yaml"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Auth-Token", r.Token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := res.StatusCode == http.StatusOK; got != allowed {
			t.Errorf("allowed %v: got %s", allowed, res.Status)
		}
	}
}

func TestAllowFetchInTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stoker.yaml")
	for text, ok := range map[string]bool{"allow_fetch: [10.1.0.0/16, 'fd00::/8']": true, "allow_fetch: [somewhere]": false} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := app.Load(path, config(t))
		if (err == nil) != ok {
			t.Errorf("%s: got %v", text, err)
		}
		if ok && len(c.AllowFetch) != 2 {
			t.Errorf("got %v", c.AllowFetch)
		}
	}
}
