package app_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long anything may take that takes milliseconds.
const patience = 20 * time.Second

func config(t *testing.T) app.Config {
	c := app.Default()
	c.Listen, c.Data = "127.0.0.1:0", filepath.Join(t.TempDir(), "data")
	return c
}

// running is a Stoker in this process.
type running struct {
	app.Server
	stop func() error
}

func start(t *testing.T, c app.Config) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan app.Server, 1), make(chan error, 1)
	go func() { ended <- app.Run(ctx, c, func(s app.Server) { ready <- s }) }()
	r := &running{stop: sync.OnceValue(func() error {
		cancel()
		http.DefaultClient.CloseIdleConnections()
		return <-ended
	})}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	select {
	case r.Server = <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatalf("start: %v", err)
	case <-time.After(patience):
		t.Fatal("it does not start")
	}
	return r
}

// refused runs a Stoker that is not to start, and gives the reason.
func refused(t *testing.T, c app.Config) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := app.Run(ctx, c, func(app.Server) { cancel() })
	if err == nil {
		t.Fatal("it starts")
	}
	return err
}

func wantKind(t *testing.T, err error, kind stoker.Kind, words ...string) {
	t.Helper()
	if !stoker.IsKind(err, kind) {
		t.Errorf("got kind %q, want %q: %v", stoker.KindOf(err), kind, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %q, want something with %q", err, w)
		}
	}
}

func dial(t *testing.T, s app.Server) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{URL: s.URL, Token: s.Token})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const template = `
heat_template_version: 2018-08-31
resources:
  s: {type: OS::Heat::RandomString}
outputs:
  s: {value: {get_attr: [s, value]}}
`

// create makes a stack and waits until it is complete.
func create(t *testing.T, c *client.Client, name string) *client.Stack {
	t.Helper()
	id, err := c.Create(t.Context(), client.Request{Name: name, Template: template})
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		st, err := c.Stack(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if st.Status == "CREATE_COMPLETE" {
			return st
		}
	}
	t.Fatalf("stack %s is never complete", name)
	return nil
}

func TestWhatIsMadeOutlivesARestart(t *testing.T) {
	c := config(t)
	first := start(t, c)
	made := create(t, dial(t, first.Server), "a")
	found, err := app.Find(c.Data)
	if err != nil {
		t.Fatal(err)
	}
	if found.URL != first.URL || found.Token != first.Token || found.Token == "" {
		t.Errorf("Find: got %+v, want %+v", found, first.Server)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Find(c.Data); !stoker.IsKind(err, stoker.NotFound) {
		t.Errorf("Find after the end: got %v, want not found", err)
	}
	second := start(t, c)
	if second.Token != first.Token {
		t.Error("the token has changed")
	}
	again, err := dial(t, second.Server).Stack(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := again.Outputs[0].Value, made.Outputs[0].Value; got != want {
		t.Errorf("got output %v, want %v", got, want)
	}
}

func TestTwoOnOneDirectory(t *testing.T) {
	c := config(t)
	start(t, c)
	wantKind(t, refused(t, c), stoker.Conflict, "in use by process", "--data")
}

func TestTakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := config(t)
	c.Listen = l.Addr().String()
	wantKind(t, refused(t, c), stoker.Conflict, c.Listen, "--listen")
	// What had started was stopped: the directory is free.
	c.Listen = "127.0.0.1:0"
	start(t, c)
}

func TestDamagedFiles(t *testing.T) {
	for _, tt := range []struct{ file, text, words string }{
		{"stoker.db", strings.Repeat("no database ", 100), "stoker.db"},
		{"seal.key", "short", "seal.key"},
		{"token", "short", "token"},
	} {
		t.Run(tt.file, func(t *testing.T) {
			c := config(t)
			if err := os.MkdirAll(c.Data, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(c.Data, tt.file)
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := refused(t, c); !strings.Contains(err.Error(), tt.words) {
				t.Errorf("got %q, want something with %q", err, tt.words)
			}
			left, err := os.ReadFile(path)
			if err != nil || string(left) != tt.text {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

func TestTokenReadableByOthers(t *testing.T) {
	c := config(t)
	c.TokensFile = filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(c.TokensFile, []byte("0123456789abcdef shop\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	wantKind(t, refused(t, c), stoker.Invalid, "chmod 600")
	if err := os.Chmod(c.TokensFile, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Listen = "0.0.0.0:0" // allowed with tokens of one's own
	r := start(t, c)
	r.Token = "0123456789abcdef"
	r.URL = strings.Replace(r.URL, "/v1/default", "", 1)
	st, err := dial(t, r.Server).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if st.Project != "shop" {
		t.Errorf("got project %q, want the token's", st.Project)
	}
}

func TestMetrics(t *testing.T) {
	r := start(t, config(t))
	create(t, dial(t, r.Server), "a")
	base, _, _ := strings.Cut(r.URL, "/v1")
	for token, want := range map[string]int{"": 401, r.Token: 200} {
		req, err := http.NewRequest(http.MethodGet, base+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		_, err = text.ReadFrom(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != want {
			t.Errorf("with token %q: got %d, want %d", token, res.StatusCode, want)
		}
		if want == 200 && !strings.Contains(text.String(), `stoker_engine_events_total{action="CREATE",status="COMPLETE",type="OS::Heat::Stack"} 1`) {
			t.Errorf("the creation of a stack was not counted:\n%s", text.String())
		}
	}
}

// TestSteps reads the order of stopping off the log.
func TestSteps(t *testing.T) {
	var log syncBuffer
	c := config(t)
	c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r := start(t, c)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(log.String()) {
		if _, part, ok := strings.Cut(line, "msg=stopped part="); ok {
			got = append(got, strings.Trim(part, "\"\n"))
		}
	}
	want := "announcement, api, purge, events, scaler, engine, balancer, store, listener, data directory"
	if joined := strings.Join(got, ", "); joined != want {
		t.Errorf("stopped %s, want %s", joined, want)
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
