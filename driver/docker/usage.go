package docker

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// CPU implements stoker.CPUReader for servers that run. It reads the kernel's
// counters itself where it can, which is far cheaper than asking the daemon.
func (d *Driver) CPU(ctx context.Context, tokens []stoker.ServerToken) (map[stoker.ServerToken]float64, error) {
	return d.usage(ctx, "read CPU times", tokens, meter.cpuSeconds, func(s container.StatsResponse) float64 {
		return float64(s.CPUStats.CPUUsage.TotalUsage) / 1e9
	})
}

// Memory implements stoker.MemoryReader for servers that run, in the same way.
func (d *Driver) Memory(ctx context.Context, tokens []stoker.ServerToken) (map[stoker.ServerToken]int64, error) {
	used, err := d.usage(ctx, "read memory use", tokens, meter.memoryBytes, func(s container.StatsResponse) float64 {
		cache := s.MemoryStats.Stats["inactive_file"] // of version 2 of control groups
		if old, ok := s.MemoryStats.Stats["total_inactive_file"]; ok {
			cache = old
		}
		return max(0, float64(s.MemoryStats.Usage)-float64(cache))
	})
	bytes := make(map[stoker.ServerToken]int64, len(used))
	for token, n := range used {
		bytes[token] = int64(n)
	}
	return bytes, err
}

// usage reads one number for each server that runs: from the kernel, or where that
// is not possible from the daemon's statistics.
func (d *Driver) usage(ctx context.Context, doing string, tokens []stoker.ServerToken,
	read func(meter) (float64, bool), ask func(container.StatsResponse) float64) (map[stoker.ServerToken]float64, error) {
	running, err := d.running(ctx, tokens)
	if err != nil {
		return nil, explain(ctx, doing, err)
	}
	var mu sync.Mutex
	var errs []error
	used := make(map[stoker.ServerToken]float64, len(running))
	one := func(token stoker.ServerToken, n float64, err error) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			used[token] = n
		case !errdefs.IsNotFound(err): // it is gone meanwhile
			errs = append(errs, err)
		}
	}
	var wg sync.WaitGroup
	turns := make(chan struct{}, inspectors)
	for id, token := range running {
		if n, ok := read(d.meterOf(id)); ok {
			one(token, n, nil)
			continue
		}
		turns <- struct{}{}
		wg.Go(func() {
			n, err := d.measure(ctx, id, read, ask)
			one(token, n, err)
			<-turns
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		return nil, explain(ctx, doing, errors.Join(errs...))
	}
	return used, nil
}

// running gives the containers of those servers that run.
func (d *Driver) running(ctx context.Context, tokens []stoker.ServerToken) (map[string]stoker.ServerToken, error) {
	c, _, err := d.link.get()
	if err != nil {
		return nil, err
	}
	found, err := d.containers(ctx, c)
	if err != nil {
		return nil, err
	}
	wanted := make(map[stoker.ServerToken]bool, len(tokens))
	for _, t := range tokens {
		wanted[t] = true
	}
	ids := make(map[string]stoker.ServerToken, len(tokens))
	for _, f := range found {
		if wanted[f.token()] && (f.state == container.StateRunning || f.state == container.StatePaused) {
			ids[f.id] = f.token()
		}
	}
	return ids, nil
}

// measure finds the meter of a container, or asks the daemon.
func (d *Driver) measure(ctx context.Context, id string, read func(meter) (float64, bool), ask func(container.StatsResponse) float64) (float64, error) {
	c, _, err := d.link.get()
	if err != nil {
		return 0, err
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	seen, err := c.ContainerInspect(call, id, client.ContainerInspectOptions{})
	if err != nil {
		return 0, err
	}
	if st := seen.Container.State; st != nil && st.Pid > 0 && !d.blind.Load() {
		m := findMeter(st.Pid, id)
		if n, ok := read(m); ok {
			d.mu.Lock()
			d.meters[id] = m
			d.mu.Unlock()
			return n, nil
		}
	}
	stats, err := c.ContainerStats(call, id, client.ContainerStatsOptions{})
	if err != nil {
		return 0, err
	}
	defer stats.Body.Close()
	var s container.StatsResponse
	if err := json.NewDecoder(stats.Body).Decode(&s); err != nil {
		return 0, err
	}
	return ask(s), nil
}

func (d *Driver) meterOf(id string) meter {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.blind.Load() {
		return meter{}
	}
	return d.meters[id]
}
