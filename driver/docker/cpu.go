package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// meter is where the kernel counts the processor time of a container; without a
// file, the daemon is asked.
type meter struct {
	file string
	key  string // in lines of "key number"; empty: the file is one number
	unit float64
}

// CPU implements stoker.CPUReader for servers that run. It reads the kernel's
// counters itself where it can, which is a hundred times cheaper than asking the
// daemon.
func (d *Driver) CPU(ctx context.Context, tokens []stoker.ServerToken) (map[stoker.ServerToken]float64, error) {
	c, _, err := d.link.get()
	if err != nil {
		return nil, fmt.Errorf("read CPU times: %w", err)
	}
	wanted := make(map[stoker.ServerToken]bool, len(tokens))
	for _, t := range tokens {
		wanted[t] = true
	}
	found, err := d.containers(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("read CPU times: %w", err)
	}
	var mu sync.Mutex
	used := make(map[stoker.ServerToken]float64, len(tokens))
	var errs []error
	var wg sync.WaitGroup
	turns := make(chan struct{}, inspectors)
	for _, f := range found {
		token := f.token()
		if !wanted[token] || f.state != container.StateRunning && f.state != container.StatePaused {
			continue
		}
		if seconds, ok := d.meterOf(f.id).read(); ok {
			mu.Lock()
			used[token] = seconds
			mu.Unlock()
			continue
		}
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			seconds, err := d.measure(ctx, c, f.id)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				used[token] = seconds
			case !errdefs.IsNotFound(err): // it is gone meanwhile
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		return nil, explain(ctx, "read CPU times", errors.Join(errs...))
	}
	return used, nil
}

func (d *Driver) meterOf(id string) meter {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.meters[id]
}

// measure finds the meter of a container, or asks the daemon.
func (d *Driver) measure(ctx context.Context, c *conn, id string) (float64, error) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	seen, err := c.ContainerInspect(call, id, client.ContainerInspectOptions{})
	if err != nil {
		return 0, err
	}
	if st := seen.Container.State; st != nil && st.Pid > 0 {
		if m := findMeter(st.Pid, id); m.file != "" {
			if seconds, ok := m.read(); ok {
				d.mu.Lock()
				d.meters[id] = m
				d.mu.Unlock()
				return seconds, nil
			}
		}
	}
	return askCPU(call, c, id)
}

func askCPU(ctx context.Context, c *conn, id string) (float64, error) {
	stats, err := c.ContainerStats(ctx, id, client.ContainerStatsOptions{})
	if err != nil {
		return 0, err
	}
	defer stats.Body.Close()
	var s container.StatsResponse
	if err := json.NewDecoder(stats.Body).Decode(&s); err != nil {
		return 0, err
	}
	return float64(s.CPUStats.CPUUsage.TotalUsage) / 1e9, nil
}

// findMeter finds the control group of a process of this machine. The group's name must
// hold the container's ID: otherwise the process is one of another machine's numbers.
func findMeter(pid int, id string) meter {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return meter{}
	}
	for line := range strings.Lines(string(data)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 || !strings.Contains(parts[2], id) {
			continue
		}
		if parts[1] == "" {
			return meter{file: filepath.Join("/sys/fs/cgroup", parts[2], "cpu.stat"), key: "usage_usec", unit: 1e6}
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			if controller == "cpuacct" {
				return meter{file: filepath.Join("/sys/fs/cgroup/cpuacct", parts[2], "cpuacct.usage"), unit: 1e9}
			}
		}
	}
	return meter{}
}

// read gives the seconds used; false: not known.
func (m meter) read() (float64, bool) {
	if m.file == "" {
		return 0, false
	}
	data, err := os.ReadFile(m.file)
	if err != nil {
		return 0, false
	}
	text := strings.TrimSpace(string(data))
	if m.key != "" {
		_, after, _ := strings.Cut("\n"+text, "\n"+m.key+" ")
		text, _, _ = strings.Cut(after, "\n")
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return float64(n) / m.unit, err == nil
}
