package docker

import (
	"context"
	"net/netip"
)

// Open is New with a function that is called at points where a crash hurts.
func Open(ctx context.Context, cfg Config, crash func(point string)) (*Driver, error) {
	return open(ctx, cfg, crash)
}

// Escape is escape.
func Escape(text string) string { return escape(text) }

// Demux reads what Docker frames.
var Demux = newDemux

// Abandon ends the driver as a crash does.
func (d *Driver) Abandon() {
	d.cancel()
	d.wg.Wait()
}

// Demote makes the driver one that is not root, for servers that are made from now on.
func (d *Driver) Demote() { d.places.mayMount = false }

// Blind makes the driver ask the daemon for what it would read from the kernel.
func (d *Driver) Blind() { d.blind.Store(true) }

// Weaken makes the driver one that may not change the networks of containers.
func (d *Driver) Weaken() { d.weak.Store(true) }

// Sweep does what is done now and then.
func (d *Driver) Sweep() error {
	c, _, err := d.link.get()
	if err == nil {
		d.sweep(c)
	}
	return err
}

// Spans gives ranges of addresses as text.
func Spans(prefixes []netip.Prefix, v4 bool) (texts []string) {
	for _, s := range spans(prefixes, v4) {
		texts = append(texts, s.first.String()+"-"+s.last.String())
	}
	return texts
}
