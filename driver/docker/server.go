package docker

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"

	"github.com/stoker-project/stoker"
)

// server finds a server; NotFound if there is none.
func (d *Driver) server(ctx context.Context, c *conn, token stoker.ServerToken) (stoker.Server, error) {
	found, err := d.container(ctx, c, token)
	if err != nil {
		return stoker.Server{}, err
	}
	views, err := d.views(ctx, c, []box{found})
	if err != nil {
		return stoker.Server{}, err
	}
	if len(views) == 0 {
		return stoker.Server{}, noServer(token)
	}
	return views[0], nil
}

// inspectors is how many containers are asked at a time how they have ended.
const inspectors = 8

// views gives the servers of containers. Those that are removed meanwhile are left out.
func (d *Driver) views(ctx context.Context, c *conn, found []box) ([]stoker.Server, error) {
	servers := make([]stoker.Server, len(found))
	errs := make([]error, len(found))
	var wg sync.WaitGroup
	turns := make(chan struct{}, inspectors)
	for i, f := range found {
		servers[i] = d.view(f)
		if servers[i].State != stoker.ServerStopped || servers[i].Reason != "" {
			continue
		}
		turns <- struct{}{}
		wg.Go(func() {
			servers[i].Reason, errs[i] = d.reason(ctx, c, f)
			<-turns
		})
	}
	wg.Wait()
	there := servers[:0]
	for i, s := range servers {
		if stoker.IsKind(errs[i], stoker.NotFound) {
			continue
		}
		if errs[i] != nil {
			return nil, errs[i]
		}
		there = append(there, s)
	}
	return there, nil
}

// view is what a container tells of its server. A server that has ended lacks its
// reason still.
func (d *Driver) view(b box) stoker.Server {
	port, _ := strconv.Atoi(b.labels[labelPort])
	s := stoker.Server{
		Token:     b.token(),
		ID:        stoker.PhysicalID(b.id),
		Name:      b.labels[labelName],
		Project:   stoker.ProjectID(b.labels[labelProject]),
		Path:      unlist[stoker.StackID](b.labels[labelPath]),
		Addresses: addresses(b),
		Port:      port,
		Created:   b.created,
		Notes:     append(unlist[string](b.labels[labelNotes]), d.portNotes(b)...),
	}
	s.State, s.Reason = stateOf(b.state, d.workOn(s.Token))
	if guest := b.labels[labelGuest]; guest != "" {
		s = withReport(s, guest, b.state, readReport(d.serverDir(s.Token)))
	}
	if b.state == container.StatePaused {
		s.Notes = append(s.Notes, "its container is paused; docker unpause lets it go on")
	}
	if len(d.places.volumes(s.Token)) > 0 {
		s.Notes = append(s.Notes, "the size of its volumes is not limited: they share the file system of the Docker daemon")
	}
	if b.sick {
		s.Notes = append(s.Notes, "the health check of its image says that it is not well")
	}
	return s
}

func stateOf(state container.ContainerState, w work) (stoker.ServerState, string) {
	switch state {
	case container.StateRunning:
		return stoker.ServerActive, ""
	case container.StatePaused:
		return stoker.ServerPaused, ""
	case container.StateExited:
		return stoker.ServerStopped, ""
	case container.StateCreated:
		if w == creating {
			return stoker.ServerBuild, ""
		}
		return stoker.ServerError, "Stoker ended before it had started this server; creating it again starts it"
	case container.StateRemoving:
		return stoker.ServerStopped, "its container is being removed"
	case container.StateDead:
		return stoker.ServerError, "Docker could not remove its container wholly; destroy the server"
	}
	return stoker.ServerBuild, ""
}

// addresses puts the one first by which to reach the server. It is known before
// the container runs.
func addresses(b box) []stoker.Address {
	if ports := b.ports(); len(ports) > 0 {
		return portAddresses(b, ports)
	}
	out := []stoker.Address{{Network: b.home, IP: b.labels[labelAddress]}}
	for _, name := range slices.Sorted(maps.Keys(b.networks)) {
		switch e := b.networks[name]; {
		case e == nil:
		case name == b.home:
			out[0].MAC = e.MacAddress.String()
			if e.IPAddress.IsValid() {
				out[0].IP = e.IPAddress.String()
			}
		case e.IPAddress.IsValid(): // somebody has connected it to another one
			out = append(out, stoker.Address{Network: name, IP: e.IPAddress.String(), MAC: e.MacAddress.String()})
		}
	}
	return out
}

// reason says how a container has ended; it is asked once.
func (d *Driver) reason(ctx context.Context, c *conn, b box) (told string, err error) {
	d.mu.Lock()
	told, ok := d.reasons[b.id]
	d.mu.Unlock()
	if ok {
		return told, nil
	}
	if b.seen == nil {
		if b, err = d.inspect(ctx, c, b.id); err != nil {
			return "", err
		}
	}
	if b.seen.State == nil || b.seen.State.Running {
		return "ended and was started again", nil
	}
	lines, err := lastLines(ctx, c, b.id)
	if errdefs.IsConflict(err) { // it is being removed
		return howEnded(*b.seen), nil
	}
	if err != nil {
		return "", explain(ctx, "read the last lines of a server", err)
	}
	told = howEnded(*b.seen) + lines
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reasons[b.id] = told
	return told, nil
}

func howEnded(seen container.InspectResponse) string {
	st := seen.State
	how := fmt.Sprintf("exited with status %d", st.ExitCode)
	if signal := st.ExitCode - 128; signal > 0 && signal <= 64 {
		how += fmt.Sprintf(" (as one that is killed by signal %d)", signal)
	}
	if st.OOMKilled && seen.HostConfig != nil {
		how += fmt.Sprintf(" (the kernel killed for the memory limit of %d MiB)", seen.HostConfig.Memory>>20)
	}
	begin, errBegin := time.Parse(time.RFC3339Nano, st.StartedAt)
	end, errEnd := time.Parse(time.RFC3339Nano, st.FinishedAt)
	if errBegin == nil && errEnd == nil && end.After(begin) && !begin.IsZero() {
		how += " after " + roughly(end.Sub(begin))
	}
	if st.Error != "" {
		how += ": " + st.Error
	}
	return how
}

// roughly keeps two or three digits that say something.
func roughly(t time.Duration) string {
	switch {
	case t < time.Second:
		return t.Round(time.Millisecond).String()
	case t < time.Minute:
		return t.Round(10 * time.Millisecond).String()
	}
	return t.Round(time.Second).String()
}

// lastLines is the end of a server's log as the end of a reason.
func lastLines(ctx context.Context, c *conn, id string) (string, error) {
	const lines, bytes = 5, 1000
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := openLog(ctx, c, id, lines, false)
	if err != nil {
		return "", err
	}
	defer r.Close()
	all, err := io.ReadAll(io.LimitReader(r, 64<<10))
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(strings.ToValidUTF8(string(all), "\uFFFD"))
	switch {
	case text == "":
		return "; its log is empty", nil
	case len(text) > bytes:
		text = "..." + strings.ToValidUTF8(text[len(text)-bytes:], "")
	}
	return "; last lines of its log: " + text, nil
}

// forgetReason is for a container that somebody has started again.
func (d *Driver) forgetReason(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.reasons, id)
	delete(d.meters, id)
}

// dropStale forgets what is known of containers that are gone.
func (d *Driver) dropStale(found []box) {
	there := make(map[string]bool, len(found))
	for _, f := range found {
		there[f.id] = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for id := range d.reasons {
		if !there[id] {
			delete(d.reasons, id)
		}
	}
	for id := range d.meters {
		if !there[id] {
			delete(d.meters, id)
		}
	}
	for id := range d.clothes {
		if !there[id] {
			delete(d.clothes, id)
		}
	}
}
