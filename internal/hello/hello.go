// Package hello is the application of demonstrations and load tests: an HTTP server
// that says hello, with a known capacity, so that overload and relief can be seen.
// It is no framework for applications. Run owns all goroutines.
package hello

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Config tunes the application. Its zero value listens on a free port of all
// addresses and answers at once.
type Config struct {
	Host string // to listen on; empty: all addresses
	Port int    // 0: a free one
	Name string // the "host" of its answers
	// Message is its greeting; default Hello.
	Message string
	// Cost is how long one request keeps a worker busy; 0: no time.
	Cost time.Duration
	// Workers is how many requests are worked on at once; the others queue. So the
	// capacity is Workers/Cost requests per second. Default 1.
	Workers int
	// Burn makes the cost processor time instead of sleep.
	Burn bool
	// Boot is how long it takes until it listens.
	Boot time.Duration
	// Linger is how long it goes on taking requests after ctx has ended, while
	// /health already says no.
	Linger time.Duration
	// Grace bounds the time for requests in flight after that; default 10s.
	Grace time.Duration
	// Listening, if set, is called once with the address, host:port.
	Listening func(address string)
	Logger    *slog.Logger // may be nil
}

func (c Config) complete() Config {
	if c.Message == "" {
		c.Message = "Hello"
	}
	if c.Workers < 1 {
		c.Workers = 1
	}
	if c.Grace <= 0 {
		c.Grace = 10 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// app is the application. All fields but the atomic ones stay as they are.
type app struct {
	Config
	head    []byte        // of the JSON answer, up to the number
	workers chan struct{} // holds one value per busy worker
	served  atomic.Int64
	leaving atomic.Bool
}

// Run serves until ctx ends, then takes its leave: health says no, keep-alive ends,
// requests in flight are finished. It returns nil after that; an error when it
// cannot listen, or when requests outlive the grace and were broken off.
func Run(ctx context.Context, cfg Config) error {
	a, err := newApp(cfg)
	if err != nil {
		return err
	}
	if !pause(ctx, a.Boot) {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(a.Host, fmt.Sprint(a.Port)))
	if err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	server := &http.Server{
		Handler:           a.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(a.Logger.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	a.Logger.Info("listening", "address", l.Addr().String())
	if a.Listening != nil {
		a.Listening(l.Addr().String())
	}
	select {
	case err := <-served:
		return fmt.Errorf("hello: %w", err)
	case <-ctx.Done():
	}
	return a.leave(server, served)
}

// leave ends the server; ctx is over, so nothing but time bounds it.
func (a *app) leave(server *http.Server, served <-chan error) error {
	a.leaving.Store(true)
	server.SetKeepAlivesEnabled(false)
	pause(context.Background(), a.Linger)
	ctx, cancel := context.WithTimeout(context.Background(), a.Grace)
	defer cancel()
	err := server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("hello: requests were broken off after %v: %w", a.Grace, err), server.Close())
	}
	<-served // returns once the listener is closed
	return err
}

// pause waits; false if ctx has ended before.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
