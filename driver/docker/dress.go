package docker

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/moby/moby/api/types/container"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/netns"
)

// able tells whether this process may change the networks of containers.
func (d *Driver) able() bool { return !d.weak.Load() && netns.Able() }

// dress makes the ports of a server as they are recorded, after each start of its
// container: what Docker does not know, and the filters. A server without ports, or
// that does not run, has nothing to be made.
func (d *Driver) dress(ctx context.Context, c *conn, token stoker.ServerToken) error {
	if !d.able() {
		return nil
	}
	const tries = 3 // each time it has been started anew meanwhile
	for range tries {
		b, err := d.container(ctx, c, token)
		if err != nil {
			return err
		}
		pid := pidOf(b)
		if b.labels[labelPorts] == "" || pid == 0 {
			return nil
		}
		err = d.dressContainer(b, pid)
		if err == nil {
			return nil
		}
		if belongs(pid, b.id) {
			return &stoker.Error{Kind: stoker.Unavailable, Message: fmt.Sprintf("make the ports of server %q", token), Err: err,
				Hint: "Stoker must run as root beside the Docker daemon, and the kernel must have nftables."}
		}
	}
	return nil // it has ended, which the daemon does not know yet; a start of somebody's comes with an event
}

// dressContainer enters the namespace of a container. The lock lasts from reading what
// is recorded until it is done, so that nothing old comes after it.
func (d *Driver) dressContainer(b box, pid int) error {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return err
	}
	defer ns.Close()
	if !belongs(pid, b.id) || netns.Same(ns.Name(), "/proc/self/ns/net") {
		return fmt.Errorf("process %d is not the one of container %s", pid, b.id[:12])
	}
	d.fitting.Lock()
	defer d.fitting.Unlock()
	ports, err := d.readPorts(b.token())
	if err != nil {
		return err
	}
	fittings := make([]fitting, len(ports))
	for i, p := range ports {
		if fittings[i], err = d.fittingOf(b, p); err != nil {
			return err
		}
	}
	if err := netns.DoFile(ns, func() error { return dressLinks(fittings) }); err != nil {
		return err
	}
	d.dressed(b.id, pid)
	return releasePackets(d.holdName(), addressesOf(ports))
}

// fitting is a port as it is to be inside a container.
type fitting struct {
	stoker.ServerPort
	gateway netip.Addr
	hosts   []netip.Addr // the machine's own addresses in the network, which may always connect
}

func (d *Driver) fittingOf(b box, p stoker.ServerPort) (fitting, error) {
	r, err := d.readReach(p.Network)
	if err != nil {
		return fitting{}, err
	}
	f := fitting{ServerPort: p, hosts: r.Hosts}
	for _, e := range b.networks {
		if e != nil && e.IPAddress == p.IP && e.Gateway.IsValid() {
			f.gateway = e.Gateway
			f.hosts = append(f.hosts, e.Gateway)
		}
	}
	return f, nil
}

// belongs tells whether a process is one of a container: its control group has the
// container's name.
func belongs(pid int, id string) bool {
	groups, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	return err == nil && strings.Contains(string(groups), id)
}

// dressed remembers which process was seen to have its filters.
func (d *Driver) dressed(id string, pid int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clothes[id] = pid
}

func (d *Driver) isDressed(id string) bool {
	d.mu.Lock()
	pid := d.clothes[id]
	d.mu.Unlock()
	return pid != 0 && belongs(pid, id)
}

// dressAll dresses those of the containers that run, or only those for which that is
// not known to be done. It gives only errors that are losses of the daemon; others are
// logged.
func (d *Driver) dressAll(ctx context.Context, c *conn, found []box, again bool) error {
	var wg sync.WaitGroup
	turns := make(chan struct{}, inspectors)
	errs := make([]error, len(found))
	for i, f := range found {
		running := f.state == container.StateRunning || f.state == container.StatePaused
		if !running || f.labels[labelPorts] == "" || !again && d.isDressed(f.id) {
			continue
		}
		turns <- struct{}{}
		wg.Go(func() {
			errs[i] = d.dress(ctx, c, f.token())
			<-turns
		})
	}
	wg.Wait()
	var lost error
	for i, err := range errs {
		switch {
		case err == nil || stoker.IsKind(err, stoker.NotFound):
		case isLost(err):
			lost = err
		default:
			d.log.Error("a server's ports are not as they should be", "server", found[i].token(), "err", err)
		}
	}
	return lost
}

// restarted dresses a server whose container somebody has started.
func (d *Driver) restarted(c *conn, token stoker.ServerToken) {
	if d.workOn(token) != 0 {
		return // whoever has started it does it
	}
	d.wg.Go(func() {
		ctx, cancel := context.WithTimeout(d.ctx, callTimeout)
		defer cancel()
		err := d.dress(ctx, c, token)
		if err != nil && ctx.Err() == nil && !stoker.IsKind(err, stoker.NotFound) && !isLost(err) {
			d.log.Error("a server's ports are not as they should be", "server", token, "err", err)
		}
	})
}

// SetFilter implements stoker.PortFilterer. What is recorded is applied also when the
// container is started again. While the daemon does not answer, it waits.
func (d *Driver) SetFilter(ctx context.Context, server stoker.ServerToken, ip netip.Addr, f *stoker.Filter) error {
	doing := fmt.Sprintf("filter what passes at %s of server %q", ip, server)
	if problem := checkFilter(f); problem != "" {
		return stoker.Errorf(stoker.Invalid, "%s: %s", doing, problem)
	}
	err := d.persist(ctx, func(c *conn) error {
		if _, err := d.container(ctx, c, server); err != nil {
			return err
		}
		if err := d.recordFilter(server, ip, f); err != nil {
			return err
		}
		d.crash("filter recorded")
		return d.dress(ctx, c, server)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func (d *Driver) recordFilter(server stoker.ServerToken, ip netip.Addr, f *stoker.Filter) error {
	d.fitting.Lock()
	defer d.fitting.Unlock()
	none := stoker.Errorf(stoker.NotFound, "it has no port with address %s", ip)
	if _, err := os.Stat(d.portsFile(server)); os.IsNotExist(err) {
		return none
	}
	ports, err := d.readPorts(server)
	if err != nil {
		return err
	}
	for i, p := range ports {
		if p.IP == ip {
			ports[i].Filter = f
			return d.writePorts(server, ports)
		}
	}
	return none
}
