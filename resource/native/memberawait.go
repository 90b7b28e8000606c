package native

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
)

// headStart is how long a member may take before we ask the driver how its
// server is. Most are up sooner, and then the driver is not asked at all.
const headStart = 100 * time.Millisecond

// errNotReady tells our own timeout from the end of the caller's context.
var errNotReady = errors.New("the time to become ready is over")

// Await returns when the member has passed a health check, and fails when its
// server ends before, or when it takes too long.
func (m poolMember) Await(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	ready, err := v.Duration("ready_timeout", defaultReady)
	if err != nil {
		return stoker.Result{}, inProperties(err)
	}
	look, stop := context.WithCancelCause(ctx)
	bounded, release := context.WithTimeoutCause(look, ready, errNotReady)
	defer release()
	ended := m.whenServerEnds(look, stoker.PhysicalID(v.String("server")), stop)
	err = m.balancer.AwaitMember(bounded, memberPool(req), memberID(req))
	cause := context.Cause(bounded)
	stop(nil)
	<-ended
	switch {
	case err == nil:
		return stoker.Result{}, nil
	case ctx.Err() != nil:
		return stoker.Result{}, context.Cause(ctx)
	case cause == errNotReady:
		return stoker.Result{}, m.notReady(ctx, req, ready, err)
	case cause != nil:
		return stoker.Result{}, cause // the server has ended
	}
	return stoker.Result{}, fmt.Errorf("wait for member %s: %w", memberAddress(req), err)
}

// notReady says what the last health check met.
func (m poolMember) notReady(ctx context.Context, req *stoker.Request, ready time.Duration, err error) error {
	out := &stoker.Error{Kind: stoker.Unavailable, Err: err,
		Message: fmt.Sprintf("member %s has passed no health check in %s", memberAddress(req), ready),
		Hint:    "See that the application listens on that address and answers the pool's health_check, or give it more ready_timeout."}
	if now, lookErr := m.look(ctx, req); lookErr == nil && now.LastError != "" {
		out.Err = errors.New(now.LastError) // the same without the balancer's own words around it
	}
	return out
}

// whenServerEnds stops the look with the server's last words when the server
// ends. What it gives is closed when nobody listens to the driver any more.
func (m poolMember) whenServerEnds(ctx context.Context, id stoker.PhysicalID, stop context.CancelCauseFunc) <-chan struct{} {
	done := make(chan struct{})
	if m.waiter == nil || id == "" {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		if request.Pause(ctx, headStart) != nil {
			return
		}
		s, found, err := m.servers.ByID(ctx, id)
		if err != nil || !found {
			return // not a server of this driver, or not told: the timeout decides
		}
		if end, err := m.waiter.Wait(ctx, s.Token); err == nil {
			stop(&stoker.Error{Kind: stoker.Unavailable,
				Message: fmt.Sprintf("its server ended before it was ready: %s", end.Reason)})
		}
	}()
	return done
}
