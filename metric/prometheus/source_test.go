package prometheus_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/metric/metrictest"
	"github.com/stoker-project/stoker/metric/prometheus"
	"github.com/stoker-project/stoker/metric/prometheus/prometheustest"
)

// server answers with what a test sets; an empty answer never comes.
type server struct {
	answer atomic.Value
	status atomic.Int64
	asked  atomic.Value
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	s.asked.Store(fmt.Sprint(r.Method, " ", r.URL.Path, " ", r.FormValue("query"), " ", user, ":", password))
	text := s.answer.Load().(string)
	if text == "" {
		<-r.Context().Done()
		return
	}
	w.WriteHeader(int(s.status.Load()))
	fmt.Fprint(w, strings.ReplaceAll(text, "NOW", fmt.Sprintf("%.3f", float64(time.Now().UnixMilli())/1000)))
}

const good = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[NOW,"2.5"]}]}}`

func start(t *testing.T) (*server, *prometheus.Source) {
	s := &server{}
	s.answer.Store(good)
	s.status.Store(200)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return s, source(t, srv.URL+"/prom", "up")
}

func source(t *testing.T, url, query string) *prometheus.Source {
	t.Helper()
	c, err := prometheus.New(prometheus.Config{URL: url, Username: "u", Password: "p"})
	if err != nil {
		t.Fatal(err)
	}
	src, err := c.Source(stoker.SignalSpec{Query: query})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func TestConformance(t *testing.T) {
	metrictest.Run(t, func(t *testing.T) metrictest.Subject {
		s, src := start(t)
		return metrictest.Subject{
			Source: src, Break: func() { s.status.Store(503); s.answer.Store("no") },
			Mend: func() { s.status.Store(200); s.answer.Store(good) }, Hang: func() { s.answer.Store("") },
		}
	})
}

func TestAnswers(t *testing.T) {
	s, src := start(t)
	got, err := src.Read(t.Context())
	if err != nil || got.Value != 2.5 || got.Total {
		t.Errorf("got %+v, %v", got, err)
	}
	if asked := s.asked.Load(); asked != "POST /prom/api/v1/query up u:p" {
		t.Errorf("asked %v", asked)
	}
	for text, words := range map[string]string{
		`{"status":"error","error":"parse error at char 1"}`:                                    "parse error",
		`{"status":"success","data":{"resultType":"vector","result":[]}}`:                       "0 series",
		`{"status":"success","data":{"resultType":"vector","result":[{"value":[NOW,"1"]},{}]}}`: "2 series",
		`{"status":"success","data":{"resultType":"vector","result":[{"value":[NOW,"NaN"]}]}}`:  "no number",
		`{"status":"success","data":{"resultType":"scalar","result":[NOW,"+Inf"]}}`:             "no number",
		`{"status":"success","data":{"resultType":"matrix","result":[]}}`:                       "matrix",
		`{"status":"success","data":{"resultType":"vector","result":[{"value":["1"]}]}}`:        "not understood",
		`{"status":"success","data":{"resultType":"scalar","result":{}}}`:                       "not understood",
		`<html>`: "not in JSON",
	} {
		s.answer.Store(text)
		if got, err := src.Read(t.Context()); err == nil || !strings.Contains(err.Error(), words) || !stoker.IsKind(err, stoker.Unavailable) {
			t.Errorf("%s: got %+v, %v, want %q", text, got, err, words)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, url := range []string{"", "localhost:9090", "ftp://x/", "http://u:p@x/"} {
		if _, err := prometheus.New(prometheus.Config{URL: url}); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%q: got %v", url, err)
		}
	}
	c, err := prometheus.New(prometheus.Config{URL: "https://x/"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Source(stoker.SignalSpec{Query: " "}); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("got %v", err)
	}
}

// TestRealServer asks a real Prometheus, where there is one.
func TestRealServer(t *testing.T) {
	url := prometheustest.Start(t, "")
	for query, words := range map[string]string{
		"vector(42)": "", "scalar(vector(42))": "", "42": "", "sum(vector(40)) + 2": "",
		"sum(": "parse error", "nothing_of_this_name": "0 series", "prometheus_build_info[1m]": "matrix", "1/0": "no number",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // as a scaler's readings have one
		got, err := source(t, url, query).Read(ctx)
		cancel()
		switch {
		case words == "" && (err != nil || got.Value != 42 || time.Since(got.Time).Abs() > time.Minute):
			t.Errorf("%s: got %+v, %v", query, got, err)
		case words != "" && (err == nil || !strings.Contains(err.Error(), words)):
			t.Errorf("%s: got %+v, %v, want %q", query, got, err, words)
		}
	}
}
