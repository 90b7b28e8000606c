package heartbeat_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/metric/heartbeat"
	"github.com/stoker-project/stoker/metric/metrictest"
)

// app answers with a status after a delay; a negative delay never.
type app struct {
	status atomic.Int64
	delay  atomic.Int64
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	delay := time.Duration(a.delay.Load())
	if delay < 0 {
		<-r.Context().Done()
		return
	}
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return
	}
	w.WriteHeader(int(a.status.Load()))
	w.Write([]byte("Beat"))
}

func start(t *testing.T) (*app, *heartbeat.Source, *httptest.Server) {
	a := &app{}
	a.status.Store(200)
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	s, err := heartbeat.New(stoker.SignalSpec{URL: server.URL + "/heartbeat"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a, s, server
}

func TestConformance(t *testing.T) {
	metrictest.Run(t, func(t *testing.T) metrictest.Subject {
		a, s, _ := start(t)
		return metrictest.Subject{
			Source: s,
			Break:  func() { a.status.Store(503) },
			Mend:   func() { a.status.Store(200); a.delay.Store(0) },
			Hang:   func() { a.delay.Store(-1) },
		}
	})
}

func TestTheResponseTimeIsRead(t *testing.T) {
	a, s, _ := start(t)
	a.delay.Store(int64(30 * time.Millisecond))
	got, err := s.Read(t.Context())
	if err != nil || got.Value < 0.03 || got.Value > 3 {
		t.Errorf("got %v, %v, want at least 0.03", got.Value, err)
	}
}

func TestStatuses(t *testing.T) {
	a, s, _ := start(t)
	for status, good := range map[int64]bool{200: true, 204: true, 404: true, 500: false, 502: false} {
		a.status.Store(status)
		if _, err := s.Read(t.Context()); (err == nil) != good {
			t.Errorf("status %d: got %v", status, err)
		}
	}
}

func TestADeadServerIsAnErrorWithoutTheURL(t *testing.T) {
	_, _, server := start(t)
	s, err := heartbeat.New(stoker.SignalSpec{URL: strings.Replace(server.URL, "://", "://user:secret@", 1)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	_, err = s.Read(t.Context())
	if !stoker.IsKind(err, stoker.Unavailable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestSilenceSaysHowLong(t *testing.T) {
	a, s, _ := start(t)
	a.delay.Store(-1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Read(ctx); err == nil || !strings.Contains(err.Error(), "no answer from the heartbeat in") {
		t.Errorf("got %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, url := range []string{"", "/heartbeat", "ftp://host/x", "http://", "http://[::1"} {
		if _, err := heartbeat.New(stoker.SignalSpec{URL: url}, nil); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%q: got %v", url, err)
		}
	}
}

// A guard looks at every address, after redirects too.
func TestGuard(t *testing.T) {
	_, _, inside := start(t)
	outside := httptest.NewServer(http.RedirectHandler(inside.URL+"/heartbeat", http.StatusFound))
	defer outside.Close()
	forbid := func(address string) func(string, string, syscall.RawConn) error {
		return func(_, at string, _ syscall.RawConn) error {
			if at == address {
				return errors.New("it is forbidden")
			}
			return nil
		}
	}
	for _, url := range []string{inside.URL, outside.URL} {
		s, err := heartbeat.New(stoker.SignalSpec{URL: url}, forbid(inside.Listener.Addr().String()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(t.Context()); !stoker.IsKind(err, stoker.Unavailable) || !strings.Contains(err.Error(), "it is forbidden") {
			t.Errorf("%s: got %v", url, err)
		}
	}
}
