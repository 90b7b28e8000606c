package haproxysock

import (
	"strconv"
	"strings"
)

// Info reads one line of the answer of "show info"; empty when it is not there.
func Info(text, key string) string {
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, key+": "); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// Processes is what the master tells of itself and its workers.
type Processes struct {
	Master  int
	Failed  int // reloads that failed
	Worker  int // the current one; 0: none
	Old     []int
	Version string
}

// ParseProcesses reads the answer of "show proc".
func ParseProcesses(text string) Processes {
	var p Processes
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 3 || strings.HasPrefix(f[0], "#") {
			continue
		}
		pid, err := strconv.Atoi(f[0])
		if err != nil || pid <= 0 {
			continue
		}
		switch {
		case f[1] == "master":
			p.Master, p.Failed, p.Version = pid, failed(line), f[len(f)-1]
		case f[1] == "worker" && f[2] == "0":
			p.Worker = pid
		case f[1] == "worker":
			p.Old = append(p.Old, pid)
		}
	}
	return p
}

func failed(line string) int {
	_, after, _ := strings.Cut(line, "[failed: ")
	digits, _, _ := strings.Cut(after, "]")
	n, _ := strconv.Atoi(digits) // 0 where it is not told
	return max(n, 0)
}
