package app

import (
	"context"
	"path/filepath"
	"time"

	"github.com/stoker-project/stoker"
)

// noDriver stands for the driver of an installation that has none: it makes
// nothing, and says what to do.
type noDriver struct{}

// openNone refuses to run where another driver has left servers: they would be
// forgotten.
func openNone(c Config) (opened[stoker.Driver], error) {
	left, err := filepath.Glob(filepath.Join(c.Data, "process", "servers", "*"))
	if err == nil && len(left) > 0 {
		return opened[stoker.Driver]{}, &stoker.Error{Kind: stoker.Conflict,
			Message: "driver: " + c.Data + " holds servers of the process driver, and no driver is configured",
			Hint:    "Start with --driver process, or use another data directory."}
	}
	return opened[stoker.Driver]{part: noDriver{}}, nil
}

func (noDriver) Create(context.Context, stoker.ServerSpec) (stoker.Server, error) {
	return stoker.Server{}, &stoker.Error{Kind: stoker.Invalid, Message: "no driver for servers is configured",
		Hint: "Start Stoker with: stoker serve --driver process (servers are then processes of this machine)."}
}

func (noDriver) List(context.Context) ([]stoker.Server, error) { return nil, nil }

func (noDriver) Destroy(context.Context, stoker.ServerToken, time.Duration) error { return nil }
