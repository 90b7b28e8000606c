package hello

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

func newApp(cfg Config) (*app, error) {
	a := &app{Config: cfg.complete()}
	a.workers = make(chan struct{}, a.Workers)
	head, err := json.Marshal(struct {
		Host    string `json:"host"`
		Message string `json:"message"`
	}{a.Name, a.Message})
	if err != nil {
		return nil, fmt.Errorf("hello: %w", err)
	}
	a.head = append(head[:len(head)-1], `,"served":`...)
	return a, nil
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.hello)
	mux.HandleFunc("GET /health", a.health)
	mux.HandleFunc("GET /stream", a.stream)
	return mux
}

// hello answers after it has had a worker for the cost.
func (a *app) hello(w http.ResponseWriter, r *http.Request) {
	if !a.work(r.Context()) {
		return // the client has gone
	}
	body := make([]byte, 0, len(a.head)+24)
	body = append(body, a.head...)
	body = strconv.AppendInt(body, a.served.Add(1), 10)
	body = append(body, "}\n"...)
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}

// work queues for a worker and keeps it busy; false if ctx ended before.
func (a *app) work(ctx context.Context) bool {
	if a.Cost <= 0 {
		return true
	}
	select {
	case a.workers <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-a.workers }()
	if a.Burn {
		return burn(ctx, a.Cost)
	}
	return pause(ctx, a.Cost)
}

// burn keeps a processor busy for that long, with looking at the clock.
func burn(ctx context.Context, d time.Duration) bool {
	end := time.Now().Add(d)
	for time.Now().Before(end) {
		if ctx.Err() != nil {
			return false
		}
	}
	return true
}

func (a *app) health(w http.ResponseWriter, _ *http.Request) {
	if a.leaving.Load() {
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// stream sends n numbered lines, one each interval: /stream?n=10&every=100ms.
func (a *app) stream(w http.ResponseWriter, r *http.Request) {
	n, every, err := streamArgs(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	flush := http.NewResponseController(w)
	for i := range n {
		if i > 0 && !pause(r.Context(), every) {
			return
		}
		if _, err := fmt.Fprintf(w, "%d %s %s\n", i+1, a.Name, a.Message); err != nil {
			return
		}
		if err := flush.Flush(); err != nil {
			return
		}
	}
}

func streamArgs(r *http.Request) (n int, every time.Duration, err error) {
	n, every = 10, 100*time.Millisecond
	if s := r.FormValue("n"); s != "" {
		if n, err = strconv.Atoi(s); err != nil || n < 1 || n > 100_000 {
			return 0, 0, fmt.Errorf("n=%q is not a number from 1 to 100000", s)
		}
	}
	if s := r.FormValue("every"); s != "" {
		if every, err = time.ParseDuration(s); err != nil || every < 0 {
			return 0, 0, fmt.Errorf("every=%q is not a duration like 100ms", s)
		}
	}
	return n, every, nil
}
