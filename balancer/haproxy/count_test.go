package haproxy

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

// workers stand for a HAProxy: what each has counted, who answers, and who is there.
type workers struct {
	mu       sync.Mutex
	sessions map[int]int
	current  int   // as the master has it
	old      []int // as the master has them
	answers  []int // who answers the workers' socket next; then the last again
	mute     map[int]bool
}

// serve answers at a socket until the test ends.
func (w *workers) serve(t *testing.T, path string, answer func(command string) string) {
	t.Helper()
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				line, err := bufio.NewReader(conn).ReadString('\n')
				if err == nil {
					w.mu.Lock()
					defer w.mu.Unlock()
					_, _ = conn.Write([]byte(answer(strings.TrimSpace(line))))
				}
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		all.Wait()
	})
}

// ofWorker is the answer of one, to all commands of a line.
func (w *workers) ofWorker(pid int, line string) string {
	var out strings.Builder
	for command := range strings.SplitSeq(line, ";") {
		switch command {
		case "show info":
			fmt.Fprintf(&out, "Name: HAProxy\nPid: %d\n\n", pid)
		case "show stat -1 6 -1":
			fmt.Fprintf(&out, "# pxname,svname,scur,stot,type\nweb,BACKEND,0,%d,1\n\n", w.sessions[pid])
		}
	}
	return out.String()
}

func (w *workers) ofSocket(line string) string {
	pid := w.answers[0]
	if len(w.answers) > 1 {
		w.answers = w.answers[1:]
	}
	return w.ofWorker(pid, line)
}

func (w *workers) ofMaster(line string) string {
	if line == "show proc" {
		var out strings.Builder
		fmt.Fprintf(&out, "#<PID> <type> <reloads>\n1 master 0 [failed: 0]\n# workers\n%d worker 0\n# old workers\n", w.current)
		for _, pid := range w.old {
			fmt.Fprintf(&out, "%d worker 1\n", pid)
		}
		return out.String()
	}
	words := strings.Fields(strings.ReplaceAll(line, ";", " ; "))
	pid, _ := strconv.Atoi(strings.TrimPrefix(words[0], "@!"))
	if w.mute[pid] {
		return ""
	}
	return w.ofWorker(pid, strings.ReplaceAll(line, words[0]+" ", ""))
}

// What workers have counted is counted once, whoever of them answers while one takes the
// other's place, and whatever cannot be read in between.
func TestEachRequestIsCountedOnce(t *testing.T) {
	const a, b = 10, 11
	for name, steps := range map[string][]func(*workers){
		"an old worker does not answer for a moment": {
			func(w *workers) { w.sessions[a] = 100 },
			func(w *workers) { w.current, w.old, w.answers = b, []int{a}, []int{b} },
			func(w *workers) { w.mute[a] = true },
			func(w *workers) { w.mute[a], w.sessions[b] = false, 20 },
		},
		"both answer in turns": {
			func(w *workers) { w.sessions[a] = 100 },
			func(w *workers) { w.current, w.old, w.answers, w.sessions[b] = b, []int{a}, []int{b}, 10 },
			func(w *workers) { w.answers, w.sessions[a] = []int{a}, 110 },
			func(w *workers) { w.answers, w.sessions[b] = []int{b}, 10 },
		},
		"they change places in the middle": {
			func(w *workers) { w.sessions[a] = 100 },
			func(w *workers) { w.current, w.old, w.sessions[b], w.answers = b, []int{a}, 20, []int{a, b} },
			func(w *workers) {},
			func(w *workers) {},
		},
		"the master lists the old one late": {
			func(w *workers) { w.sessions[a] = 100 },
			func(w *workers) { w.current, w.answers, w.sessions[b] = b, []int{b}, 20 },
			func(w *workers) { w.old = []int{a} },
			func(w *workers) { w.current, w.old, w.answers = 12, []int{a, b}, []int{12} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := &workers{sessions: map[int]int{}, current: a, answers: []int{a}, mute: map[int]bool{}}
			dir := t.TempDir()
			worker, master := filepath.Join(dir, "w"), filepath.Join(dir, "m")
			w.serve(t, worker, w.ofSocket)
			w.serve(t, master, w.ofMaster)
			p := &pool{backend: "web"}
			k := &keeper{
				log: slog.New(slog.DiscardHandler), host: &host{master: haproxysock.Client{Path: master}}, worker: haproxysock.Client{Path: worker},
				pools: map[stoker.PoolID]*pool{"p": p}, old: map[int]time.Time{}, counted: map[int]readings{},
			}
			for i, step := range append(steps, func(*workers) {}) {
				w.mu.Lock()
				step(w)
				want := int64(0)
				for _, n := range w.sessions {
					want += int64(n)
				}
				w.mu.Unlock()
				if seen, err := k.look(context.Background()); err == nil {
					k.fold(seen, time.Now())
				}
				if p.traffic.Requests > want {
					t.Errorf("after step %d: %d requests are counted, there were %d", i+1, p.traffic.Requests, want)
				}
				if i == len(steps) && p.traffic.Requests != want {
					t.Errorf("at the end: %d requests are counted, there were %d", p.traffic.Requests, want)
				}
			}
		})
	}
}
