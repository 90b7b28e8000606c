package docker

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// meter is where the kernel counts what a container uses. The zero meter knows
// nothing.
type meter struct {
	cpu    counter
	memory counter
	cache  counter // the part of memory that the kernel can take back
}

// counter is one number in a file of a control group.
type counter struct {
	file string
	key  string // in lines of "key number"; empty: the file is one number
	unit float64
}

const cgroupRoot = "/sys/fs/cgroup"

// findMeter finds the control groups of a process of this machine. A group's path
// must hold the container's ID: otherwise the process is another's.
func findMeter(pid int, id string) (m meter) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(data)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 || !strings.Contains(parts[2], id) {
			continue
		}
		controllers := strings.Split(parts[1], ",")
		in := func(controller, file string) string { return filepath.Join(cgroupRoot, controller, parts[2], file) }
		switch {
		case parts[1] == "":
			return meter{
				cpu:    counter{in("", "cpu.stat"), "usage_usec", 1e6},
				memory: counter{in("", "memory.current"), "", 1},
				cache:  counter{in("", "memory.stat"), "inactive_file", 1},
			}
		case slices.Contains(controllers, "cpuacct"):
			m.cpu = counter{in("cpuacct", "cpuacct.usage"), "", 1e9}
		case slices.Contains(controllers, "memory"):
			m.memory = counter{in("memory", "memory.usage_in_bytes"), "", 1}
			m.cache = counter{in("memory", "memory.stat"), "total_inactive_file", 1}
		}
	}
	return m
}

func (m meter) cpuSeconds() (float64, bool) { return m.cpu.read() }

func (m meter) memoryBytes() (float64, bool) {
	all, known := m.memory.read()
	cache, alsoKnown := m.cache.read()
	return max(0, all-cache), known && alsoKnown
}

// read gives the number; false: it is not known.
func (c counter) read() (float64, bool) {
	if c.file == "" {
		return 0, false
	}
	data, err := os.ReadFile(c.file)
	if err != nil {
		return 0, false
	}
	text := strings.TrimSpace(string(data))
	if c.key != "" {
		_, after, _ := strings.Cut("\n"+text, "\n"+c.key+" ")
		text, _, _ = strings.Cut(after, "\n")
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return float64(n) / c.unit, err == nil
}
