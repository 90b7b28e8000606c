package openstack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
)

// Pauses between looks at a server whose driver cannot tell by itself.
const (
	firstLook = 10 * time.Millisecond
	lastLook  = time.Second     // while it is built
	slowLook  = 5 * time.Second // while it runs
)

// proving is how long a new server must last where the driver can tell its end: a
// command that cannot work ends at once, and its resource should never have been
// complete.
const proving = 25 * time.Millisecond

// Await returns as soon as the server is ACTIVE. A server that ends before fails
// at once, with its reason; one that ends while it is changed is to be replaced.
func (s server) Await(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	done, err := settled(stateOf(req.Data), request.Values(req.Data).String("reason"))
	if done {
		err = s.prove(ctx, token(req))
	}
	if err != nil && ctx.Err() == nil && req.OldProperties != nil {
		err = stoker.ErrReplace
	}
	if done || err != nil {
		return stoker.Result{}, err
	}
	look, stop := context.WithCancelCause(ctx)
	ended := s.whenEnded(look, token(req), stop)
	made, err := s.untilActive(look, token(req))
	stop(nil)
	<-ended
	if err == nil {
		err = s.prove(ctx, token(req))
	}
	if err != nil {
		return stoker.Result{}, err
	}
	data, old := dataOf(s.own.annotate(req, made)), request.Values(req.Data)
	return stoker.Result{PhysicalID: made.ID, Data: withPorts(withVolumes(data, old.List("volumes")), old.List("ports"))}, nil
}

// prove fails if the server ends soon.
func (s server) prove(ctx context.Context, t stoker.ServerToken) error {
	w, ok := s.Driver.(stoker.ServerWaiter)
	if !ok {
		return nil
	}
	soon, cancel := context.WithTimeout(ctx, proving)
	defer cancel()
	if end, err := w.Wait(soon, t); err == nil {
		return endedError(end.State, end.Reason)
	}
	return context.Cause(ctx)
}

// settled tells whether a state is what Await waits for; an error, if it never
// will be.
func settled(state stoker.ServerState, reason string) (bool, error) {
	switch state {
	case stoker.ServerActive:
		return true, nil
	case stoker.ServerError, stoker.ServerStopped:
		return false, endedError(state, reason)
	}
	return false, nil
}

// endedError is the failure of a server, in the driver's own words.
func endedError(state stoker.ServerState, reason string) error {
	if reason == "" {
		reason = "the server is in state " + string(state)
	}
	return &stoker.Error{Kind: stoker.Unavailable, Message: reason}
}

// whenEnded stops the look when the driver tells that the server has ended. What it
// gives is closed when nobody listens to the driver any more.
func (s server) whenEnded(ctx context.Context, t stoker.ServerToken, stop context.CancelCauseFunc) <-chan struct{} {
	done := make(chan struct{})
	w, ok := s.Driver.(stoker.ServerWaiter)
	if !ok {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		if end, err := w.Wait(ctx, t); err == nil {
			stop(endedError(end.State, end.Reason))
		}
	}()
	return done
}

func (s server) untilActive(ctx context.Context, t stoker.ServerToken) (stoker.Server, error) {
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		now, there, err := s.census.Server(ctx, t)
		switch {
		case ctx.Err() != nil:
			return now, context.Cause(ctx)
		case err != nil && !stoker.IsKind(err, stoker.Unavailable):
			return now, err
		case err == nil && !there:
			return now, vanished()
		case err == nil:
			if ok, err := settled(now.State, now.Reason); ok || err != nil {
				return now, err
			}
		}
		if err := request.Pause(ctx, pause); err != nil {
			return now, err
		}
	}
}

func vanished() error {
	return stoker.Errorf(stoker.NotFound, "the server is gone: somebody else has removed it")
}

// Check tells whether the server is there and ACTIVE.
func (s server) Check(ctx context.Context, req *stoker.Request) error {
	now, there, err := s.census.Server(ctx, token(req))
	if err != nil {
		return err
	}
	if !there {
		return vanished()
	}
	if ok, err := settled(now.State, now.Reason); ok || err != nil {
		return err
	}
	return stoker.Errorf(stoker.Conflict, "the server is in state %s", now.State)
}

// Watch returns when the server has ended by itself, and why. A driver that does
// not answer is no reason.
func (s server) Watch(ctx context.Context, req *stoker.Request) error {
	for pause := firstLook; ; pause = min(2*pause, slowLook) {
		end, err := s.end(ctx, req)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			return endedError(end.State, end.Reason)
		case stoker.IsKind(err, stoker.NotFound):
			return vanished()
		}
		if request.Pause(ctx, pause) != nil {
			return ctx.Err()
		}
	}
}

// errLooksWell is what a look gives that has found no end.
var errLooksWell = errors.New("the server has not ended")

// end blocks until the server has ended where the driver can, and only looks
// where it cannot.
func (s server) end(ctx context.Context, req *stoker.Request) (stoker.Server, error) {
	if w, ok := s.Driver.(stoker.ServerWaiter); ok {
		end, err := w.Wait(ctx, token(req))
		if err != nil {
			return end, fmt.Errorf("wait for the end of server %s: %w", nameOf(req), err)
		}
		return end, nil
	}
	now, there, err := s.census.Server(ctx, token(req))
	switch {
	case err != nil:
		return now, err
	case !there:
		return now, vanished()
	case now.State == stoker.ServerError || now.State == stoker.ServerStopped:
		return now, nil
	}
	return now, errLooksWell
}
