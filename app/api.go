package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	cfnapi "github.com/stoker-project/stoker/api/cfn"
	heatapi "github.com/stoker-project/stoker/api/heat"
	nativeapi "github.com/stoker-project/stoker/api/native"
	"github.com/stoker-project/stoker/dialect/cfn"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/fetch"
	"github.com/stoker-project/stoker/internal/wire"
)

// serve answers all APIs on the listener.
func (a *parts) serve() error {
	heat, err := a.heat()
	if err != nil {
		return err
	}
	own := nativeapi.New(nativeapi.Config{
		Engine: a.engine, Scaler: a.scaler, Driver: a.driver.part, Access: a.access,
		Metrics: a.metrics.handler(a), About: a.about(), Logger: a.Logger,
	})
	query := cfnapi.New(cfnapi.Config{
		Engine: a.engine, Accounts: a.accounts, SignalKey: a.signalKey, URL: a.PublicURL, Parse: cfn.Parse, Logger: a.Logger,
	})
	all := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case strings.HasPrefix(path, "/stoker/") || path == "/metrics":
			own.ServeHTTP(w, r)
		case a.identity != nil && (path == "/v3" || strings.HasPrefix(path, "/v3/")):
			a.identity.ServeHTTP(w, r)
		case cfnapi.Handles(r):
			query.ServeHTTP(w, r)
		default:
			heat.ServeHTTP(w, r)
		}
	})
	a.api.set(all)
	srv := &http.Server{
		Handler:           all,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(a.Logger.Handler(), slog.LevelDebug),
	}
	a.life.run("api", func(ctx context.Context) error { return serveUntil(ctx, srv, a) })
	return nil
}

// heat is the API of Heat.
func (a *parts) heat() (http.Handler, error) {
	dialects, err := hot.Dialects(cfn.Languages()...)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return heatapi.New(heatapi.Config{
		Engine: a.engine, Abandon: a.EnableStackAbandon, Adopt: a.EnableStackAdopt,
		Limits: heatapi.Limits{SoftwareConfigs: a.Limits.SoftwareConfigs, SoftwareDeployments: a.Limits.SoftwareDeployments}, Identity: a.identity != nil, Access: a.access, SignalKey: a.signalKey,
		Parse: cfn.Parse, Dialects: dialects, Fetch: fetch.New(heatapi.MaxTemplate, a.AllowFetch).Get, Container: a.container(),
		Service: heatapi.Service{ID: uuid.NewString(), Host: host, Started: a.started}, Revision: a.Version, Logger: a.Logger,
	}), nil
}

// serveUntil serves until ctx ends, then lets requests end; those that follow a
// log never would, and are broken off.
func serveUntil(ctx context.Context, srv *http.Server, a *parts) error {
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(a.listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	err := srv.Shutdown(bound)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// about is the part of the status that stays the same.
func (a *parts) about() wire.Status {
	out := wire.Status{Version: a.Version, Started: a.started, Balancer: a.Balancer, Store: "sqlite", Drivers: []string{}}
	if a.Driver != "" {
		out.Drivers = append(out.Drivers, a.Driver)
	}
	if strings.HasPrefix(a.Store.DSN, "postgres") {
		out.Store = "postgresql"
	}
	return out
}
