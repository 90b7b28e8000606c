//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/stoker-project/stoker"
)

// Driver makes servers out of processes. All methods may be called concurrently.
// After Close, none may be called.
type Driver struct {
	cfg          Config
	log          *slog.Logger
	lock         *os.File
	installation string
	boot         string
	cgroups      cgroups
	scanner      scanner
	locks        tokenLocks

	ctx    context.Context // until Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	servers map[stoker.ServerToken]*server
	taken   map[string]stoker.ServerToken // by address

	// crash is for tests that end the process at a point of the story.
	crash func(point string)
}

// The driver is no stoker.MetadataUpdater: metadata is the environment of a
// process, which no one can change while it runs.
var (
	_ stoker.Driver       = (*Driver)(nil)
	_ stoker.ServerWaiter = (*Driver)(nil)
	_ stoker.CPUReader    = (*Driver)(nil)
	_ stoker.LogReader    = (*Driver)(nil)
)

// New opens the directory, finds the servers in it and watches over those that
// run. Errors: Invalid for the configuration, Conflict when another driver uses
// the directory, Unavailable when it cannot be read or written. The caller must
// Close it.
func New(cfg Config) (*Driver, error) { return open(cfg, func(string) {}) }

func open(cfg Config, crash func(string)) (*Driver, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &Driver{
		cfg:     cfg,
		log:     cfg.Logger.With("driver", "process"),
		ctx:     ctx,
		cancel:  cancel,
		servers: map[stoker.ServerToken]*server{},
		taken:   map[string]stoker.ServerToken{},
		locks:   tokenLocks{held: map[stoker.ServerToken]chan struct{}{}},
		crash:   crash,
	}
	if err := d.open(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.wg.Go(d.cutLogs)
	return d, nil
}

func (d *Driver) open() error {
	if err := os.MkdirAll(d.serversDir(), 0o700); err != nil {
		return cannotUse(d.cfg.Dir, err)
	}
	var err error
	if d.lock, err = lockDir(d.cfg.Dir); err != nil {
		return err
	}
	if d.boot, err = bootID(); err != nil {
		return err
	}
	if err := d.clearTmp(); err != nil {
		return cannotUse(d.cfg.Dir, err)
	}
	if d.installation, err = installationID(filepath.Join(d.cfg.Dir, "installation")); err != nil {
		return cannotUse(d.cfg.Dir, err)
	}
	d.scanner.installation = d.installation
	d.cgroups = findCgroups(d.ctx, d.cfg.Cgroups, d.installation)
	return d.load()
}

// Close ends the driver, not the servers: they go on, and the next driver of the
// directory finds them. Closing twice is harmless.
func (d *Driver) Close() error {
	d.cancel()
	d.wg.Wait()
	if d.cgroups != nil {
		d.cgroups.close()
	}
	if d.lock == nil {
		return nil
	}
	if err := d.lock.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// List implements stoker.Driver. Servers whose record cannot be read are in it,
// in ERROR.
func (d *Driver) List(context.Context) ([]stoker.Server, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]stoker.Server, 0, len(d.servers))
	for _, s := range d.servers {
		list = append(list, s.view())
	}
	slices.SortFunc(list, func(a, b stoker.Server) int { return strings.Compare(string(a.Token), string(b.Token)) })
	return list, nil
}

// Wait implements stoker.ServerWaiter. A server that never came up counts as
// ended; one that is destroyed meanwhile is NotFound.
func (d *Driver) Wait(ctx context.Context, token stoker.ServerToken) (stoker.Server, error) {
	s := d.find(token)
	if s == nil {
		return stoker.Server{}, noServer(token)
	}
	select {
	case <-ctx.Done():
		return stoker.Server{}, fmt.Errorf("wait for server %q: %w", token, context.Cause(ctx))
	case <-s.ended:
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.leaving {
		return stoker.Server{}, noServer(token)
	}
	return s.view(), nil
}

func (d *Driver) find(token stoker.ServerToken) *server {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.servers[token]
}

func (d *Driver) serversDir() string { return filepath.Join(d.cfg.Dir, "servers") }
func (d *Driver) tmpDir() string     { return filepath.Join(d.cfg.Dir, "tmp") }

func (d *Driver) serverDir(token stoker.ServerToken) string {
	return filepath.Join(d.serversDir(), fileName(token))
}

func (d *Driver) workDir(token stoker.ServerToken) string {
	return filepath.Join(d.serverDir(token), workName)
}

func noServer(token stoker.ServerToken) error {
	return stoker.Errorf(stoker.NotFound, "there is no server %q", token)
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
