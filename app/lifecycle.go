package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// stopTime bounds the stopping of one part.
const stopTime = 15 * time.Second

// lifecycle is what has started, in order. It belongs to one goroutine; the
// parts that run tell of their end through ctx.
type lifecycle struct {
	ctx   context.Context // ends when a part fails, or the caller's ends
	fail  context.CancelCauseFunc
	log   *slog.Logger
	steps []step
}

type step struct {
	name string
	stop func(context.Context) error
}

func newLifecycle(ctx context.Context, log *slog.Logger) *lifecycle {
	l := &lifecycle{log: log}
	l.ctx, l.fail = context.WithCancelCause(ctx)
	return l
}

// onStop says how a part that has started is stopped; nil: not at all.
func (l *lifecycle) onStop(name string, stop func(context.Context) error) {
	if stop != nil {
		l.steps = append(l.steps, step{name, stop})
	}
}

// run starts a part that blocks until its context ends. The context is its own, so that
// it ends when its turn comes, not with the caller's. A part that ends before
// takes everything down.
func (l *lifecycle) run(name string, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(l.ctx))
	done := make(chan struct{})
	var result error
	go func() {
		defer close(done)
		result = f(ctx)
		if ctx.Err() == nil {
			l.fail(fmt.Errorf("%s: %w", name, cmpError(result)))
		}
	}()
	l.onStop(name, func(bound context.Context) error {
		cancel()
		select {
		case <-done:
			return result
		case <-bound.Done():
			return errors.New("it does not stop")
		}
	})
}

var errEnded = errors.New("it has ended by itself")

func cmpError(err error) error {
	if err == nil {
		return errEnded
	}
	return err
}

// stop stops everything in reverse and gives the errors of all that went wrong.
func (l *lifecycle) stop() error {
	var errs []error
	for _, s := range slices.Backward(l.steps) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), stopTime)
		err := s.stop(ctx)
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			errs = append(errs, fmt.Errorf("stop %s: %w", s.name, err))
		}
		l.log.Debug("stopped", "part", s.name)
	}
	l.steps = nil
	l.fail(nil)
	return errors.Join(errs...)
}
