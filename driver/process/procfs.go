//go:build linux

package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/stoker-project/stoker"
)

// process names one process for good: a PID is used again, but not together with
// the start time, and not in another boot.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since boot
	Boot  string `json:"boot"`
}

// procEntry is what /proc tells of a process.
type procEntry struct {
	pid, group, session int
	start               uint64
	ticks               uint64 // processor time, its own and of the children it has waited for
	zombie              bool
	stopped             bool // by a signal
}

var errMalformed = errors.New("not in the form of /proc/PID/stat")

// parseStat reads /proc/PID/stat. The second field, the program's name, may hold
// anything, so the rest is counted from the last parenthesis.
func parseStat(data []byte) (procEntry, error) {
	open, last := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 1 || last < open {
		return procEntry{}, errMalformed
	}
	fields := strings.Fields(string(data[last+1:]))
	if len(fields) < 20 {
		return procEntry{}, errMalformed
	}
	// fields[0] is field 3 of proc_pid_stat(5).
	var e procEntry
	var errs [8]error
	var ticks [4]uint64
	e.pid, errs[0] = strconv.Atoi(strings.TrimSpace(string(data[:open])))
	e.zombie = fields[0] == "Z" || fields[0] == "X"
	e.stopped = fields[0] == "T"
	e.group, errs[1] = strconv.Atoi(fields[2])
	e.session, errs[2] = strconv.Atoi(fields[3])
	for i := range ticks { // utime, stime, cutime, cstime
		ticks[i], errs[3+i] = strconv.ParseUint(fields[11+i], 10, 64)
		e.ticks += ticks[i]
	}
	e.start, errs[7] = strconv.ParseUint(fields[19], 10, 64)
	return e, errors.Join(errs[:]...)
}

// readStat gives an error that is fs.ErrNotExist or ESRCH when there is no such process.
func readStat(pid int) (procEntry, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return procEntry{}, err
	}
	return parseStat(data)
}

// isProcess tells whether this very process is still there; zombies are.
func isProcess(pid int, start uint64) bool {
	e, err := readStat(pid)
	return err == nil && e.start == start
}

// allProcesses reads what is in /proc; processes that end meanwhile are left out.
func allProcesses() ([]procEntry, error) {
	pids, err := allPIDs()
	if err != nil {
		return nil, err
	}
	all := make([]procEntry, 0, len(pids))
	for _, pid := range pids {
		if e, err := readStat(pid); err == nil {
			all = append(all, e)
		}
	}
	return all, nil
}

func allPIDs() ([]int, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// tokenOfProcess reads a process's environment; empty if it is not a server of
// this installation, or not ours to read.
func tokenOfProcess(pid int, installation string) stoker.ServerToken {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return ""
	}
	var token string
	ours := false
	for entry := range bytes.SplitSeq(data, []byte{0}) {
		name, value, _ := strings.Cut(string(entry), "=")
		switch name {
		case envInstallation:
			ours = value == installation
		case envToken:
			token = value
		}
	}
	if !ours {
		return ""
	}
	return stoker.ServerToken(token)
}

func bootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read which boot this is: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}
