//go:build linux

package process

import (
	"context"
	"fmt"

	"github.com/stoker-project/stoker"
)

// ticksPerSecond is the kernel's USER_HZ, 100 on every architecture of Go.
const ticksPerSecond = 100

// CPU implements stoker.CPUReader for servers that run. Without control groups it
// is the sum over the living processes of the server's session, and what they
// have waited for; then time can be missing whose process nobody waited for.
func (d *Driver) CPU(_ context.Context, tokens []stoker.ServerToken) (map[stoker.ServerToken]float64, error) {
	used := make(map[stoker.ServerToken]float64, len(tokens))
	sessions := map[int]stoker.ServerToken{} // those without a control group
	for token, pid := range d.running(tokens) {
		if seconds, ok := d.cgroups.cpu(fileName(token)); ok {
			used[token] = seconds
		} else {
			sessions[pid] = token
		}
	}
	if len(sessions) == 0 {
		return used, nil
	}
	all, err := allProcesses()
	if err != nil {
		return nil, fmt.Errorf("read CPU times: %w", err)
	}
	for _, p := range all {
		if token, ok := sessions[p.session]; ok {
			used[token] += float64(p.ticks) / ticksPerSecond
		}
	}
	return used, nil
}

// running gives the first process of those servers that have not ended.
func (d *Driver) running(tokens []stoker.ServerToken) map[stoker.ServerToken]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	pids := make(map[stoker.ServerToken]int, len(tokens))
	for _, token := range tokens {
		if s := d.servers[token]; s != nil && s.state != nil && s.end == nil {
			pids[token] = s.state.Process.PID
		}
	}
	return pids
}
