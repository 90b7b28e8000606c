package stack

import (
	"context"
	"fmt"
	"time"

	"github.com/stoker-project/stoker"
)

// The pauses before a creation is tried again.
const (
	firstTry = time.Second
	lastTry  = 30 * time.Second
)

// retryPause is the pause after the n-th try, counted from 1.
func retryPause(n int) time.Duration { return min(firstTry<<min(n-1, 10), lastTry) }

// temporary tells whether a driver may be able to do it later.
func temporary(err error) bool {
	return stoker.IsKind(err, stoker.NoCapacity) || stoker.IsKind(err, stoker.Unavailable)
}

// createPatiently asks a type to create, and again after longer and longer
// pauses while it says that there is no room, or that its other side does not answer.
// The token is the same each time, so nothing is made twice. wait ends the pauses.
func (o *owner) createPatiently(ctx, wait context.Context, id stoker.ResourceID, t stoker.ResourceType, req *stoker.Request) (stoker.Result, error) {
	for n := 1; ; n++ {
		res, err := perform(ctx, t, req, doCreate)
		if n > o.e.limits.Retries || !temporary(err) || wait.Err() != nil {
			return res, err
		}
		o.send(result{do: func(o *owner) { o.triedInVain(id, n, err) }})
		if pause(wait, retryPause(n)) != nil {
			return res, context.Cause(wait)
		}
	}
}

// triedInVain tells people why a creation takes long.
func (o *owner) triedInVain(id stoker.ResourceID, n int, err error) {
	row := o.rows.byID[id]
	if row == nil || o.inflight[id] == nil {
		return
	}
	o.rowEvent(row, fmt.Sprintf("Try %d of %d failed, the next is in %s: %s",
		n, o.e.limits.Retries+1, retryPause(n), o.reason(located(err, row.Name))))
}
