package cloud_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/client/cloud"
)

// TestTrust believes the certificates that OS_CACERT holds, or all, and otherwise the system's.
func TestTrust(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Auth-Token") != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer s.Close()
	dir := t.TempDir()
	good, none := filepath.Join(dir, "good.pem"), filepath.Join(dir, "none.pem")
	if err := os.WriteFile(good, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(none, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, value string
		ok          bool
	}{{"OS_CACERT", good, true}, {"OS_INSECURE", "true", true}, {"OS_INSECURE", "False", false}, {"", "", false}} {
		h, err := cloud.Open(t.Context(), "", env("OS_ENDPOINT", s.URL, "OS_TOKEN", "secret", "OS_AUTH_TYPE", "admin_token", tt.name, tt.value))
		if err != nil {
			t.Fatal(err)
		}
		res, err := h.HTTP.Get(h.URL)
		if (err == nil) != tt.ok {
			t.Errorf("%s=%s: %v", tt.name, tt.value, err)
		}
		if err == nil {
			if res.StatusCode != http.StatusOK {
				t.Errorf("%s=%s: %s", tt.name, tt.value, res.Status)
			}
			res.Body.Close()
		}
	}
	for _, file := range []string{none, filepath.Join(dir, "missing.pem")} {
		if _, err := cloud.Open(t.Context(), "", env("OS_ENDPOINT", s.URL, "OS_AUTH_TYPE", "none", "OS_CACERT", file)); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
