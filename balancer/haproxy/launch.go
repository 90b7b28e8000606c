package haproxy

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

// openDir makes the directory, and finds out what HAProxy there is.
func (k *keeper) openDir(ctx context.Context) error {
	if k.config.Dir == "" {
		return stoker.Errorf(stoker.Invalid, "HAProxy needs a directory for its files")
	}
	dir, err := filepath.Abs(k.config.Dir)
	if err != nil {
		return err
	}
	k.config.Dir = dir
	if err := os.MkdirAll(filepath.Join(dir, certDir), 0o700); err != nil {
		return err
	}
	has, err := inspect(ctx, k.config.Binary)
	if err != nil {
		return err
	}
	if !has.lua {
		k.log.Warn("haproxy has no Lua: requests will not wait for the first member", "version", has.version)
	}
	k.build = has
	k.host = &host{binary: k.config.Binary, dir: dir, master: haproxysock.Client{Path: filepath.Join(dir, masterSocket)}}
	return writeFile(k.host.path(waitFile), []byte(waitScript))
}

func (k *keeper) settings() settings {
	return settings{Config: k.config, build: k.build, secret: k.secret}
}

// launch lets HAProxy check a configuration, and run it. When it does not, the
// file is as before, and so is what runs.
func (k *keeper) launch(text string) error {
	ctx := context.Background() // half a change is worse than a late one
	trial := k.host.path("trial.cfg")
	if err := writeFile(trial, []byte(text)); err != nil {
		return err
	}
	defer os.Remove(trial) // gone already when all went well
	if err := k.host.check(ctx, filepath.Base(trial)); err != nil {
		return err
	}
	path := k.host.path(configFile)
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(trial, path); err != nil {
		return err
	}
	if err := k.startOrReload(ctx); err != nil {
		return errors.Join(err, writeFile(path, before))
	}
	return nil
}

func (k *keeper) startOrReload(ctx context.Context) error {
	_, err := k.host.processes(ctx)
	switch {
	case err == nil:
		return k.host.reload(ctx, k.recount)
	case gone(err):
		return k.host.start(ctx)
	}
	return err
}

// recount reads what the worker has counted that is about to end.
func (k *keeper) recount(ctx context.Context) {
	if seen, err := k.look(ctx); err == nil { // it is gone when it is gone
		k.fold(seen, time.Now())
	}
}

// revive finds out why HAProxy does not answer, and starts it when it is gone.
// Its members are those on record; lost says what was seen.
func (k *keeper) revive(ctx context.Context, lost error) error {
	if ctx.Err() != nil || !gone(lost) || time.Now().Before(k.retry) {
		return lost
	}
	text, layout := render(k.settings(), k.pools)
	start := time.Now()
	err := writeFile(k.host.path(configFile), []byte(text))
	if err == nil {
		err = k.startOrReload(ctx)
	}
	if err != nil {
		k.failing++
		k.retry = time.Now().Add(min(retryMost, retryLeast<<min(k.failing, 10)))
		return err
	}
	k.failing, k.applied = 0, layout
	k.recheck()
	k.log.Warn("haproxy was gone and is started again", "took", time.Since(start), "lost", lost)
	return nil
}

const (
	retryLeast = 25 * time.Millisecond
	retryMost  = 10 * time.Second
)

// writeFile replaces a file as a whole: a crash leaves the old or the new one.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
