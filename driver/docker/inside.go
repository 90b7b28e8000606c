package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/moby/moby/api/types/container"
	"golang.org/x/net/netutil"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/netns"
)

// Inside is something that every server finds at the same address, inside its own
// network namespace: a service of Stoker's that knows who asks, because each server has
// a listener of its own. Nothing of it can be seen from outside of the server.
type Inside struct {
	// Address is where it listens. One that is not of loopback is added to the
	// server's loopback interface.
	Address netip.AddrPort
	// Serve makes the handler for one server; get tells what the server is now.
	Serve func(get func(context.Context) (stoker.Instance, error)) http.Handler
	// Yields says that the address is left to a server whose application has the port;
	// otherwise that is a warning in the log. What the application will listen on is known
	// of its own port and of those that its image exposes.
	Yields bool
}

// Bounds of what one server can ask of one Inside.
const (
	insideConnections = 64
	insideHeader      = 16 << 10
)

// knock asks the goroutine that owns what is open inside of servers to look at a
// container.
type knock struct {
	id   string          // empty: all that are known
	done chan<- struct{} // closed when it has been looked at; may be nil
}

// room is what is open inside of one run of a container.
type room struct {
	pid   int
	close func()
}

// attend has a container looked at: what is to be open inside opens, and closes when
// it has ended. With wait it returns when that is done.
func (d *Driver) attend(ctx context.Context, id string, wait bool) {
	if len(d.cfg.Inside) == 0 {
		return
	}
	k := knock{id: id}
	var done chan struct{}
	if wait {
		done = make(chan struct{})
		k.done = done
	}
	select {
	case d.knocks <- k:
	case <-ctx.Done():
		return
	case <-d.ctx.Done():
		return
	}
	if wait {
		select {
		case <-done:
		case <-ctx.Done():
		case <-d.ctx.Done():
		}
	}
}

// keepDoors looks at containers one after the other until Close.
func (d *Driver) keepDoors() {
	rooms := map[string]room{}
	defer func() {
		for _, r := range rooms {
			r.close()
		}
	}()
	for {
		select {
		case k := <-d.knocks:
			if k.id != "" {
				d.lookInto(rooms, k.id)
			} else {
				d.lookAgain(rooms)
			}
			if k.done != nil {
				close(k.done)
			}
		case <-d.ctx.Done():
			return
		}
	}
}

// lookAgain is for what has happened while the daemon was away.
func (d *Driver) lookAgain(rooms map[string]room) {
	for id := range maps.Clone(rooms) {
		d.lookInto(rooms, id)
	}
}

// lookInto makes what is open agree with how the container is. While the daemon does
// not answer, all stays as it is.
func (d *Driver) lookInto(rooms map[string]room, id string) {
	c, _, err := d.link.get()
	if err != nil {
		return
	}
	b, err := d.inspect(d.ctx, c, id)
	if err != nil && !stoker.IsKind(err, stoker.NotFound) {
		return // the next connection looks again
	}
	pid := pidOf(b)
	open, known := rooms[id]
	if known && open.pid == pid {
		return
	}
	if known {
		open.close()
		delete(rooms, id)
	}
	if pid == 0 {
		return
	}
	closer, err := d.enter(c, b, pid)
	if err != nil {
		d.log.Warn("server has no metadata service", "server", b.token(), "err", err)
		return
	}
	rooms[id] = room{pid, closer}
}

// pidOf is a container's first process; 0: it does not run.
func pidOf(b box) int {
	if b.seen == nil || b.seen.State == nil || !b.seen.State.Running || b.labels[labelToken] == "" {
		return 0
	}
	return b.seen.State.Pid
}

// enter opens everything inside a container.
func (d *Driver) enter(c *conn, b box, pid int) (closer func(), err error) {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	// The number may have been another process's when the file was opened.
	if now, err := d.inspect(d.ctx, c, b.id); err != nil || pidOf(now) != pid {
		return func() {}, err
	}
	if netns.Same(ns.Name(), "/proc/self/ns/net") {
		return nil, errors.New("it shares the network of this machine")
	}
	var servers []*http.Server
	closer = func() {
		for _, s := range servers {
			s.Close()
		}
	}
	for _, in := range d.cfg.Inside {
		if in.Yields && uses(b, in.Address.Port()) {
			continue
		}
		l, err := listenInside(ns, in.Address)
		if err != nil {
			level := slog.LevelWarn
			if in.Yields && errors.Is(err, syscall.EADDRINUSE) {
				level = slog.LevelDebug
			}
			d.log.Log(d.ctx, level, "address is not to be had inside of a server", "server", b.token(), "address", in.Address, "err", err)
			continue
		}
		servers = append(servers, d.serveInside(l, in, b))
	}
	return closer, nil
}

// uses tells whether a server's application will listen on a port.
func uses(b box, port uint16) bool {
	if b.labels[labelPort] == strconv.Itoa(int(port)) {
		return true
	}
	if b.seen.Config == nil {
		return false
	}
	for p := range b.seen.Config.ExposedPorts {
		if p.Num() == port {
			return true
		}
	}
	return false
}

// listenInside listens in a namespace, and gives its loopback interface the address
// where it must.
func listenInside(ns *os.File, at netip.AddrPort) (l net.Listener, err error) {
	err = netns.DoFile(ns, func() error {
		if !at.Addr().IsLoopback() {
			if err := addToLoopback(at.Addr()); err != nil {
				return err
			}
		}
		l, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
		return err
	})
	return l, err
}

func (d *Driver) serveInside(l net.Listener, in Inside, b box) *http.Server {
	s := &http.Server{
		Handler:           in.Serve(func(ctx context.Context) (stoker.Instance, error) { return d.instance(ctx, b) }),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    insideHeader,
		ErrorLog:          slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
	}
	d.wg.Go(func() {
		if err := s.Serve(netutil.LimitListener(l, insideConnections)); !errors.Is(err, http.ErrServerClosed) {
			d.log.Warn("service inside of a server has ended", "server", b.token(), "address", in.Address, "err", err)
		}
	})
	return s
}

// instance is what a server can be told of itself: from the daemon, or when that does
// not answer, as it was when the server was started.
func (d *Driver) instance(ctx context.Context, b box) (stoker.Instance, error) {
	if c, _, err := d.link.get(); err == nil {
		now, err := d.inspect(ctx, c, b.id)
		switch {
		case err == nil:
			b = now
		case !errors.Is(err, errLost):
			return stoker.Instance{}, err
		}
	}
	i, err := d.readFiles(b.token())
	i.Server = d.view(b)
	return i, err
}

// openAll looks at all containers, when the daemon is reached.
func (d *Driver) openAll(c *conn) {
	if len(d.cfg.Inside) == 0 {
		return
	}
	d.attend(d.ctx, "", false)
	found, err := d.containers(d.ctx, c)
	if err != nil {
		return // its events tell when it is lost
	}
	for _, b := range found {
		if b.state == container.StateRunning {
			d.attend(d.ctx, b.id, false)
		}
	}
}
