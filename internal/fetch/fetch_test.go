package fetch_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/fetch"
)

func server(t *testing.T) string {
	mux := http.NewServeMux()
	mux.HandleFunc("/text", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("some text")) })
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 101)) })
	mux.HandleFunc("/elsewhere", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.2:1/", http.StatusFound)
	})
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestGet(t *testing.T) {
	url := server(t)
	f := fetch.New(100, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")})
	text, err := f.Get(t.Context(), url+"/text")
	if err != nil || string(text) != "some text" {
		t.Fatalf("got %q, %v", text, err)
	}
	for path, words := range map[string]string{
		"/long": "longer than 100", "/none": "404", "/elsewhere": "not a public one", "/file": "only http", "/round": "too often",
	} {
		if _, err := f.Get(t.Context(), url+path); !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: got %v, want an invalid one with %q", path, err, words)
		}
	}
}

// TestNotPublic tries what leads to this machine or to its neighbours. None of the
// addresses is dialled: the check comes before.
func TestNotPublic(t *testing.T) {
	port := server(t)[len("http://127.0.0.1"):]
	f := fetch.New(100, nil)
	for _, host := range []string{
		"127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "10.0.0.1",
		"172.16.0.1", "169.254.1.1", "192.168.1.1", "100.64.0.1", "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1",
	} {
		text, err := f.Get(t.Context(), "http://"+host+port+"/text")
		if !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%s: got %q, %v", host, text, err)
		}
	}
	for _, address := range []string{"file:///etc/passwd", "/etc/passwd", "ftp://example.org/x", "", "http://", "gopher://127.0.0.1/", "http://a b/", "\x00"} {
		if _, err := f.Get(t.Context(), address); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%q: got %v, want an invalid one", address, err)
		}
	}
}
