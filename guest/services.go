package guest

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// startServices starts what the image has enabled, as an init of System V does: the
// scripts of runlevel 2 that begin with S, in the order of their names.
func (r *runner) startServices() {
	for _, script := range enabled("/etc") {
		if err := r.command(script, "start"); err != nil {
			r.say("start service %s: %v", filepath.Base(script), err)
		}
	}
}

func enabled(etc string) []string {
	scripts, _ := filepath.Glob(filepath.Join(etc, "rc2.d", "S*"))
	slices.Sort(scripts)
	return scripts
}

// stopTime bounds the stopping of one service.
const stopTime = 5 * time.Second

// Halt stops the services, the last one first.
func Halt() int {
	for _, script := range slices.Backward(enabled("/etc")) {
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		_ = exec.CommandContext(ctx, script, "stop").Run() // all end in the end
		cancel()
	}
	return 0
}
