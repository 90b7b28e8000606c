package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
)

// reach is what is kept of a network on disk: labels of networks cannot change.
type reach struct {
	stoker.Reach
	Hosts []netip.Addr // further addresses of the machine
}

func (d *Driver) networksDir() string { return filepath.Join(d.cfg.Dir, "networks") }

func (d *Driver) reachFile(token stoker.NetworkToken) string {
	return filepath.Join(d.networksDir(), escape(string(token))+".json")
}

// readReach gives what a network reaches; nothing, where nothing is recorded.
func (d *Driver) readReach(token stoker.NetworkToken) (r reach, err error) {
	data, err := os.ReadFile(d.reachFile(token))
	if errors.Is(err, fs.ErrNotExist) {
		return reach{}, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		return reach{}, cannotUse(d.networksDir(), err)
	}
	return r, nil
}

// changeReach changes what is recorded of a network.
func (d *Driver) changeReach(token stoker.NetworkToken, change func(*reach)) error {
	d.fitting.Lock()
	defer d.fitting.Unlock()
	r, err := d.readReach(token)
	if err != nil {
		return err
	}
	change(&r)
	data, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = replaceFile(d.reachFile(token), append(data, '\n'), 0o600)
	}
	if err != nil {
		return cannotUse(d.networksDir(), err)
	}
	return nil
}

func (d *Driver) forgetReach(token stoker.NetworkToken) error {
	if err := os.Remove(d.reachFile(token)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cannotUse(d.networksDir(), err)
	}
	return nil
}

// RouteNetwork implements stoker.Networker with packet filters of the machine. Where
// Stoker cannot make them, networks cannot reach each other: that is Unavailable. While the
// daemon does not answer, it waits.
func (d *Driver) RouteNetwork(ctx context.Context, token stoker.NetworkToken, r stoker.Reach) error {
	err := d.persist(ctx, func(c *conn) error {
		if _, err := d.segment(ctx, c, token); err != nil {
			return err
		}
		if why := d.cannotEnforce(); why != nil && len(r.Networks) > 0 {
			return why
		}
		if err := d.changeReach(token, func(old *reach) { old.Reach = r }); err != nil {
			return err
		}
		d.crash("reach recorded")
		return d.enforce(ctx, c)
	})
	if err != nil {
		return fmt.Errorf("route network %q: %w", token, err)
	}
	return nil
}

// route is a network with what it reaches.
type route struct {
	segment
	reach
}

// peers are the other networks that it reaches, and that reach it.
func (r route) peers(all []route) (out []route) {
	for _, other := range all {
		if other.token != r.token && slices.Contains(r.Networks, other.token) && slices.Contains(other.Networks, r.token) {
			out = append(out, other)
		}
	}
	return out
}

// routes gives all networks with what is recorded of them.
func (d *Driver) routes(ctx context.Context, c *conn) ([]route, error) {
	segments, err := d.segments(ctx, c)
	if err != nil {
		return nil, err
	}
	out := make([]route, len(segments))
	for i, s := range segments {
		r, err := d.readReach(s.token)
		if err != nil {
			return nil, err
		}
		out[i] = route{s, r}
	}
	slices.SortFunc(out, func(a, b route) int { return strings.Compare(string(a.token), string(b.token)) })
	return out, nil
}

// takeUpNetworks forgets what was recorded of networks that are gone, and makes again
// what others have lost: with the daemon or the machine, bridges and rules are made anew.
// Only losses of the daemon are errors; servers go on also where rules cannot be made.
func (d *Driver) takeUpNetworks(ctx context.Context, c *conn) error {
	all, err := d.routes(ctx, c)
	if err != nil {
		return err
	}
	if err := d.forgetGone(all); err != nil {
		return cannotUse(d.networksDir(), err)
	}
	err = errors.Join(d.restoreHosts(all), d.enforce(ctx, c))
	if err != nil && !isLost(err) && ctx.Err() == nil {
		d.log.Error("networks are not as they should be", "err", err)
		return nil
	}
	return err
}

// forgetGone removes what was recorded of networks that are not there.
func (d *Driver) forgetGone(all []route) error {
	entries, err := os.ReadDir(d.networksDir())
	if err != nil {
		return err
	}
	for _, e := range entries {
		file := filepath.Join(d.networksDir(), e.Name())
		there := slices.ContainsFunc(all, func(r route) bool { return d.reachFile(r.token) == file })
		if !there {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}

// mend is for what others have flushed or started without a word.
func (d *Driver) mend(c *conn, found []box) {
	all, err := d.routes(d.ctx, c)
	if err == nil && len(all) > 0 {
		err = errors.Join(d.restoreHosts(all), d.enforce(d.ctx, c), d.dressAll(d.ctx, c, found, false))
	}
	if err != nil && !isLost(err) && d.ctx.Err() == nil {
		d.log.Error("networks are not as they should be", "err", err)
	}
}

// forwarding are the rules of the machine for what it passes on between networks.
// First what may pass, then what must not. RETURN leaves it to Docker, which keeps its
// networks apart from each other and lets them out.
func forwarding(all []route) (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, r := range all {
		add("-i %s -o %s -j RETURN", r.bridge(), r.bridge()) // bridges can be made to ask too
		for _, p := range r.peers(all) {
			add("-i %s -o %s -j ACCEPT", r.bridge(), p.bridge())
		}
	}
	for _, r := range all {
		if r.Outside {
			add("-o %s -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN", r.bridge())
		}
	}
	for _, r := range all {
		add("-o %s -j DROP", r.bridge())
	}
	for _, r := range all {
		if !r.Outside {
			add("-i %s -j DROP", r.bridge())
		}
	}
	return lines
}

// masquerading are the rules that put the machine's own address in the place of
// those of networks, for what goes out of it, and never between them.
func masquerading(all []route) (lines []string) {
	for _, r := range all {
		for _, p := range r.peers(all) {
			lines = append(lines, fmt.Sprintf("-s %s -d %s -j ACCEPT", r.prefix, p.prefix))
		}
		if r.Outside {
			lines = append(lines, fmt.Sprintf("-s %s ! -o %s -j MASQUERADE", r.prefix, r.bridge()))
		}
	}
	return lines
}
