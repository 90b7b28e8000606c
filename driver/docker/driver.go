package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// Driver makes servers out of containers. All methods may be called concurrently.
// After Close, none may be called.
type Driver struct {
	cfg          Config
	log          *slog.Logger
	installation string
	link         link
	images       images
	lan          lan
	places       places
	rules        chan struct{} // held by whoever writes the machine's packet filters

	ctx     context.Context // until Close
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	knocks  chan knock
	watcher *fsnotify.Watcher // of reports

	mu        sync.Mutex
	notices   map[stoker.ServerToken]chan struct{} // closed when the server has changed
	busy      map[stoker.ServerToken]work
	taken     map[string]stoker.ServerToken // by address
	reasons   map[string]string             // how containers have ended, by their ID
	meters    map[string]meter              // by container ID
	reporters map[string]stoker.ServerToken // by the folder of their reports
	clothes   map[string]int                // processes whose ports are made, by container ID

	// fitting is held while what is recorded of ports and networks is changed, or read
	// and applied.
	fitting sync.Mutex

	// blind is for tests: the kernel's counters are not read.
	blind atomic.Bool
	// weak is for tests: the networks of containers may not be changed.
	weak atomic.Bool
	// crash is for tests that end the process at a point of the story.
	crash func(point string)
}

// work is what is being done with a server by this driver right now.
type work int

const (
	creating work = iota + 1
	destroying
)

var (
	_ stoker.Driver          = (*Driver)(nil)
	_ stoker.ServerWaiter    = (*Driver)(nil)
	_ stoker.MetadataUpdater = (*Driver)(nil)
	_ stoker.ServerResizer   = (*Driver)(nil)
	_ stoker.CPUReader       = (*Driver)(nil)
	_ stoker.MemoryReader    = (*Driver)(nil)
	_ stoker.LogReader       = (*Driver)(nil)
	_ stoker.Volumer         = (*Driver)(nil)
	_ stoker.VolumeAttacher  = (*Driver)(nil)
	_ stoker.VolumeCopier    = (*Driver)(nil)
	_ stoker.ServerImager    = (*Driver)(nil)
	_ stoker.Networker       = (*Driver)(nil)
	_ stoker.NetworkHost     = (*Driver)(nil)
	_ stoker.PortFilterer    = (*Driver)(nil)
)

// New reaches the daemon and finds the servers of the directory's installation.
// Errors: Invalid for the configuration, Unavailable when the directory cannot be
// used, or the daemon does not answer. A directory that has servers is opened also without
// the daemon: it will come back. The caller must Close it.
func New(ctx context.Context, cfg Config) (*Driver, error) {
	return open(ctx, cfg, func(string) {})
}

func open(ctx context.Context, cfg Config, crash func(string)) (*Driver, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	d := &Driver{
		cfg:       cfg,
		log:       cfg.Logger.With("driver", "docker"),
		link:      link{changed: make(chan struct{})},
		images:    newImages(),
		lan:       lan{turn: make(chan struct{}, 1)},
		places:    newPlaces(),
		rules:     make(chan struct{}, 1),
		notices:   map[stoker.ServerToken]chan struct{}{},
		busy:      map[stoker.ServerToken]work{},
		taken:     map[string]stoker.ServerToken{},
		reasons:   map[string]string{},
		meters:    map[string]meter{},
		knocks:    make(chan knock, 1024),
		reporters: map[string]stoker.ServerToken{},
		clothes:   map[string]int{},
		crash:     crash,
	}
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	hasServers, err := d.openDir()
	if err == nil {
		d.watcher, err = fsnotify.NewWatcher()
	}
	if err != nil {
		d.cancel()
		return nil, err
	}
	d.wg.Go(d.hearReports)
	stop := context.AfterFunc(ctx, d.cancel)
	c, err := d.connect(d.ctx)
	if !stop() {
		return nil, fmt.Errorf("start the docker driver: %w", context.Cause(ctx))
	}
	if err != nil && !(hasServers && errors.Is(err, errLost)) {
		d.cancel()
		return nil, err
	}
	if err != nil {
		d.log.Warn("docker daemon does not answer; waiting for it", "err", err)
		d.link.set(nil, err)
	} else {
		d.letAllGo() // what a crash has left; all ports are made
		d.greet(c)
		if err := d.dropOrphans(d.ctx, c); err != nil {
			d.log.Warn("images of servers that are gone stay", "err", err)
		}
		d.link.set(c, nil)
	}
	d.wg.Go(func() { d.tend(c, err) })
	d.wg.Go(d.keepDoors)
	return d, nil
}

// greet logs what the operator should know of the daemon.
func (d *Driver) greet(c *conn) {
	d.log.Info("docker daemon reached", "version", c.info.ServerVersion, "api", c.ClientVersion(), "live_restore", c.info.LiveRestoreEnabled)
	if !c.info.LiveRestoreEnabled {
		d.log.Warn("docker stops all containers when its daemon restarts; \"live-restore\": true in its daemon.json keeps them")
	}
}

// Close ends the driver, not the servers: they go on, and the next driver of the
// directory finds them. The installation's own network goes when it has no servers;
// networks that were asked for stay. Closing twice is harmless.
func (d *Driver) Close() error {
	if d.ctx.Err() != nil {
		return nil
	}
	err := d.leave()
	d.cancel()
	d.wg.Wait()
	return err
}

// leave removes what is of no use without servers.
func (d *Driver) leave() error {
	ctx, cancel := context.WithTimeout(d.ctx, 10*time.Second)
	defer cancel()
	c, _, err := d.link.get()
	if err != nil {
		return nil // the next one may do it
	}
	servers, err := d.containers(ctx, c)
	if err == nil && len(servers) == 0 {
		err = errors.Join(d.removeNetwork(ctx, c), d.unshareMounts())
	}
	if errors.Is(err, errLost) {
		return nil
	}
	return err
}

// ours selects what belongs to this installation.
func (d *Driver) ours() client.Filters {
	return client.Filters{}.Add("label", labelInstallation+"="+d.installation)
}

// List implements stoker.Driver. A daemon that does not answer is Unavailable.
func (d *Driver) List(ctx context.Context) ([]stoker.Server, error) {
	c, _, err := d.link.get()
	if err != nil {
		return nil, fmt.Errorf("list servers: %w", err)
	}
	found, err := d.containers(ctx, c)
	if err != nil {
		return nil, err
	}
	list, err := d.views(ctx, c, found)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b stoker.Server) int { return strings.Compare(string(a.Token), string(b.Token)) })
	d.dropStale(found)
	return list, nil
}

// Wait implements stoker.ServerWaiter. A server that never came up counts as
// ended; one that is destroyed meanwhile is NotFound. While the daemon does not answer, it
// waits for that too.
func (d *Driver) Wait(ctx context.Context, token stoker.ServerToken) (stoker.Server, error) {
	for {
		notice := d.notice(token)
		var s stoker.Server
		err := d.persist(ctx, func(c *conn) (err error) {
			s, err = d.server(ctx, c, token)
			return err
		})
		if err != nil {
			return stoker.Server{}, fmt.Errorf("wait for server %q: %w", token, err)
		}
		if (s.State == stoker.ServerStopped || s.State == stoker.ServerError) && d.workOn(token) == 0 {
			return s, nil
		}
		select {
		case <-notice:
		case <-ctx.Done():
			return stoker.Server{}, fmt.Errorf("wait for server %q: %w", token, context.Cause(ctx))
		case <-d.ctx.Done():
			return stoker.Server{}, stoker.Errorf(stoker.Unavailable, "wait for server %q: the driver is closed", token)
		}
	}
}

// notice gives a channel that is closed at the next change of a server.
func (d *Driver) notice(token stoker.ServerToken) <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, ok := d.notices[token]
	if !ok {
		n = make(chan struct{})
		d.notices[token] = n
	}
	return n
}

func (d *Driver) wake(token stoker.ServerToken) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n, ok := d.notices[token]; ok {
		close(n)
		delete(d.notices, token)
	}
}

// awaited are the servers that somebody waits for.
func (d *Driver) awaited() []stoker.ServerToken {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Keys(d.notices))
}

func (d *Driver) wakeAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range d.notices {
		close(n)
	}
	clear(d.notices)
}

// begin says what is being done with a server, until the returned function is called.
func (d *Driver) begin(token stoker.ServerToken, w work) (end func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy[token] = w
	return func() {
		d.mu.Lock()
		delete(d.busy, token)
		d.mu.Unlock()
		d.wake(token)
	}
}

func (d *Driver) workOn(token stoker.ServerToken) work {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.busy[token]
}
