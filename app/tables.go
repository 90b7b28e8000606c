package app

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/builtin"
	"github.com/stoker-project/stoker/driver/process"
	"github.com/stoker-project/stoker/internal/fetch"
	"github.com/stoker-project/stoker/metric/balancer"
	"github.com/stoker-project/stoker/metric/cpu"
	"github.com/stoker-project/stoker/metric/heartbeat"
	"github.com/stoker-project/stoker/metric/host"
)

// opened is a part with what is to be done with it in the end.
type opened[T any] struct {
	part      T
	close     func(context.Context) error
	collector prometheus.Collector // nil: it has no metrics
}

// drivers are those there are, by the name in the configuration. api is for drivers
// that let servers use some of it.
func drivers() map[string]func(ctx context.Context, c Config, api http.Handler) (opened[stoker.Driver], error) {
	return map[string]func(context.Context, Config, http.Handler) (opened[stoker.Driver], error){
		"":        openNone,
		"docker":  openDocker,
		"process": openProcess,
	}
}

func openProcess(_ context.Context, c Config, _ http.Handler) (opened[stoker.Driver], error) {
	p := c.Drivers.Process
	d, err := process.New(process.Config{
		Dir: filepath.Join(c.Data, "process"), Images: images(c), Path: p.Path, Port: p.Port,
		MaxLog: int64(p.MaxLog), Cgroups: p.Cgroups, Logger: c.Logger,
	})
	if err != nil {
		return opened[stoker.Driver]{}, err
	}
	return opened[stoker.Driver]{part: d, close: func(context.Context) error { return d.Close() }}, nil
}

// images are the programs that templates can name: the configured ones, and the
// application of the demonstration.
func images(c Config) map[string]process.Image {
	out := map[string]process.Image{}
	if c.Executable != "" {
		out["hello"] = process.Image{Command: c.Executable, Args: []string{"hello"}}
	}
	for name, i := range c.Drivers.Process.Images {
		out[name] = process.Image{Command: i.Command, Args: i.Args, Env: i.Env, Files: i.Files}
	}
	return out
}

// balancers are those there are, by the name in the configuration.
func balancers() map[string]func(Config) (opened[stoker.Balancer], error) {
	return map[string]func(Config) (opened[stoker.Balancer], error){
		"builtin": openBuiltin,
		"haproxy": openHAProxy,
	}
}

func openBuiltin(c Config) (opened[stoker.Balancer], error) {
	b := c.Balancers.Builtin
	bal := builtin.New(builtin.Config{
		Dir: c.Data, Log: c.Logger, Grace: b.Grace, ReadHeaderTimeout: b.ReadHeaderTimeout,
		IdleTimeout: b.IdleTimeout, MaxHeaderBytes: int(b.MaxHeader),
	})
	return opened[stoker.Balancer]{
		part: bal, collector: bal.Collector(),
		close: func(context.Context) error { bal.Close(); return nil },
	}, nil
}

// sources makes the sources of signals, by the name in a scaler's policy.
func sources(b stoker.Balancer, d stoker.Driver, p *prom, guard func(stoker.Policy) fetch.Guard) func(stoker.Policy, string, stoker.SignalSpec) (stoker.SignalSource, error) {
	table := map[string]func(stoker.Policy, stoker.SignalSpec) (stoker.SignalSource, error){
		"balancer": func(_ stoker.Policy, s stoker.SignalSpec) (stoker.SignalSource, error) { return balancer.New(b, s) },
		"cpu":      cpuSource(d),
		"host":     func(_ stoker.Policy, s stoker.SignalSpec) (stoker.SignalSource, error) { return host.New(s) },
		"heartbeat": func(p stoker.Policy, s stoker.SignalSpec) (stoker.SignalSource, error) {
			return heartbeat.New(s, guard(p))
		},
		"prometheus": p.source,
	}
	return func(p stoker.Policy, _ string, s stoker.SignalSpec) (stoker.SignalSource, error) {
		open, ok := table[s.Source]
		if !ok {
			return nil, &stoker.Error{Kind: stoker.Invalid, Path: "source", Message: fmt.Sprintf("there is no source of signals %q", s.Source),
				Hint: "Sources are: " + names(table) + "."}
		}
		return open(p, s)
	}
}

// cpuSource measures through the driver, where it can.
func cpuSource(d stoker.Driver) func(stoker.Policy, stoker.SignalSpec) (stoker.SignalSource, error) {
	able, ok := d.(cpu.Driver)
	if !ok {
		return func(stoker.Policy, stoker.SignalSpec) (stoker.SignalSource, error) {
			return nil, &stoker.Error{Kind: stoker.Invalid, Path: "source", Message: "the driver cannot tell the processor time of servers",
				Hint: "Use another source, like balancer."}
		}
	}
	meter := cpu.NewMeter(able)
	return func(p stoker.Policy, s stoker.SignalSpec) (stoker.SignalSource, error) {
		return meter.Source(cmp.Or(s.Group, p.Group), s), nil
	}
}

// flavors are Nova's old ones; the configuration adds and replaces.
func flavors(c Config) map[string]stoker.Flavor {
	const mib, gib = 1 << 20, 1 << 30
	out := map[string]stoker.Flavor{
		"m1.tiny":   {CPUs: 1, Memory: 512 * mib, Disk: 1 * gib},
		"m1.small":  {CPUs: 1, Memory: 2 * gib, Disk: 20 * gib},
		"m1.medium": {CPUs: 2, Memory: 4 * gib, Disk: 40 * gib},
		"m1.large":  {CPUs: 4, Memory: 8 * gib, Disk: 80 * gib},
		"m1.xlarge": {CPUs: 8, Memory: 16 * gib, Disk: 160 * gib},
	}
	for name, f := range c.Flavors {
		out[name] = stoker.Flavor{CPUs: f.CPUs, Memory: int64(f.Memory), Disk: int64(f.Disk)}
	}
	return out
}

// flavor finds a flavor. A template that names none gets one without limits.
func flavor(all map[string]stoker.Flavor) func(string) (stoker.Flavor, error) {
	return func(name string) (stoker.Flavor, error) {
		f, ok := all[name]
		if !ok && name != "" {
			return f, &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("there is no flavor %q", name),
				Hint: "Flavors are: " + strings.Join(slices.Sorted(maps.Keys(all)), ", ") + "."}
		}
		f.Name = name
		return f, nil
	}
}
