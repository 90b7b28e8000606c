package app

import (
	"context"
	"net/http"
	"path/filepath"
	"time"

	"github.com/stoker-project/stoker"
)

// noDriver stands for the driver of an installation that has none: it makes
// nothing, and says what to do.
type noDriver struct{}

func openNone(context.Context, Config, http.Handler) (opened[stoker.Driver], error) {
	return opened[stoker.Driver]{part: noDriver{}}, nil
}

// leftBehind refuses to run where another driver has left servers: they would be
// forgotten. Each driver keeps a file for each server in its folder.
func leftBehind(c Config) error {
	for name := range drivers() {
		if name == "" || name == c.Driver {
			continue
		}
		left, err := filepath.Glob(filepath.Join(c.Data, name, "servers", "*"))
		if err == nil && len(left) > 0 {
			now := "no driver is configured"
			if c.Driver != "" {
				now = "the driver is " + c.Driver
			}
			return &stoker.Error{Kind: stoker.Conflict,
				Message: "driver: " + c.Data + " holds servers of the " + name + " driver, and " + now,
				Hint:    "Start with --driver " + name + ", or use another data directory."}
		}
	}
	return nil
}

func (noDriver) Create(context.Context, stoker.ServerSpec) (stoker.Server, error) {
	return stoker.Server{}, &stoker.Error{Kind: stoker.Invalid, Message: "no driver for servers is configured",
		Hint: "Start Stoker with: stoker serve --driver process (servers are then processes of this machine), or --driver docker."}
}

func (noDriver) List(context.Context) ([]stoker.Server, error) { return nil, nil }

func (noDriver) Destroy(context.Context, stoker.ServerToken, time.Duration) error { return nil }
