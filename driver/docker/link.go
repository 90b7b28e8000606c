package docker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

const (
	// callTimeout bounds one call that the daemon answers by itself at once.
	callTimeout = time.Minute
	// Pauses between tries to reach a daemon that is away.
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
	// sweepInterval is how often it is made sure that no event was missed.
	sweepInterval = 30 * time.Second
)

// conn is one connection to one run of the daemon: after the daemon comes back
// there is another, which has negotiated the version anew.
type conn struct {
	*client.Client
	info   system.Info
	events client.EventsResult
	cancel context.CancelFunc // ends the events
}

// dial reaches the daemon and listens to its events.
func (d *Driver) dial(ctx context.Context) (*conn, error) {
	cli, err := client.New(client.WithHost("unix://" + d.cfg.Socket))
	if err != nil {
		return nil, wrong("%v", err)
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	doing := "reach the Docker daemon at " + d.cfg.Socket
	_, err = cli.Ping(call, client.PingOptions{NegotiateAPIVersion: true})
	if err != nil {
		return nil, errors.Join(explain(ctx, doing, err), cli.Close())
	}
	info, err := cli.Info(call, client.InfoOptions{})
	if err != nil {
		return nil, errors.Join(explain(ctx, doing, err), cli.Close())
	}
	heard, stop := context.WithCancel(ctx)
	c := &conn{Client: cli, info: info.Info, cancel: stop}
	// A little of the past, because Docker answers a moment before it listens.
	since := strconv.FormatInt(time.Now().Add(-10*time.Second).Unix(), 10)
	c.events = cli.Events(heard, client.EventsListOptions{Since: since, Filters: d.ours().
		Add("type", string(events.ContainerEventType)).
		Add("event", string(events.ActionStart), string(events.ActionDie), string(events.ActionDestroy))})
	return c, nil
}

func (c *conn) close() {
	c.cancel()
	c.Client.Close()
}

// link is the present connection, or why there is none.
type link struct {
	mu      sync.Mutex
	conn    *conn
	err     error
	changed chan struct{} // closed with the next change
}

func (l *link) set(c *conn, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn, l.err = c, err
	close(l.changed)
	l.changed = make(chan struct{})
}

// get gives the connection, or an error that is errLost.
func (l *link) get() (c *conn, changed <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return nil, l.changed, l.err
	}
	return l.conn, l.changed, nil
}

// tend keeps the connection until Close. c is the first one, nil if there is none yet.
func (d *Driver) tend(c *conn, err error) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		if c != nil {
			d.link.set(c, nil)
			d.wakeAll()
			d.openAll(c)
			err = d.hear(c)
			pause = firstPause
		}
		d.link.set(nil, d.lost(err))
		if c != nil {
			c.close()
			if d.ctx.Err() == nil {
				d.log.Warn("docker daemon lost; waiting for it", "err", err)
			}
		}
		if !sleep(d.ctx, pause) {
			return
		}
		if c, err = d.connect(d.ctx); err == nil {
			d.log.Info("docker daemon is back")
		}
	}
}

// lost is why there is no connection.
func (d *Driver) lost(err error) error {
	if errors.Is(err, errLost) {
		return err
	}
	return &stoker.Error{Kind: stoker.Unavailable, Message: "use the Docker daemon at " + d.cfg.Socket,
		Err: fmt.Errorf("%w: %w", errLost, err), Hint: hintLost}
}

// connect dials and takes up what is there. Nothing is changed by others meanwhile:
// they need the connection for it.
func (d *Driver) connect(ctx context.Context) (*conn, error) {
	c, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.takeUp(ctx, c); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// hear wakes those who wait for a server, until the daemon is lost.
func (d *Driver) hear(c *conn) error {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d.sweep(c)
		case m := <-c.events.Messages:
			if m.Action == events.ActionStart {
				d.forgetReason(m.Actor.ID)
				if m.Actor.Attributes[labelPorts] != "" {
					d.restarted(c, stoker.ServerToken(m.Actor.Attributes[labelToken]))
				}
			}
			d.attend(d.ctx, m.Actor.ID, false)
			d.wake(stoker.ServerToken(m.Actor.Attributes[labelToken]))
		case err := <-c.events.Err:
			if err == nil {
				err = errors.New("its events have ended")
			}
			return err
		case <-d.ctx.Done():
			return context.Cause(d.ctx)
		}
	}
}

// sweep wakes those who wait for a server that does not run, and mends networks:
// Docker drops events when it is very busy.
func (d *Driver) sweep(c *conn) {
	found, err := d.containers(d.ctx, c)
	if err != nil {
		return // its events tell when it is lost
	}
	running := make(map[stoker.ServerToken]bool, len(found))
	for _, f := range found {
		running[f.token()] = f.state == container.StateRunning
	}
	for _, token := range d.awaited() {
		if !running[token] {
			d.wake(token)
		}
	}
	d.mend(c, found)
}

// persist does something that may be done twice, again and again until the daemon
// has answered.
func (d *Driver) persist(ctx context.Context, do func(*conn) error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c, changed, err := d.link.get()
		if err == nil {
			err = do(c)
		}
		if !errors.Is(err, errLost) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-changed:
		case <-timer.C:
		case <-d.ctx.Done():
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil || d.ctx.Err() != nil {
			return err // it says what was being waited for
		}
	}
}

// sleep tells whether it has slept to the end.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
