// Command bench measures what Stoker promises and prints the figures beside
// their targets. It is no test: machines differ, and nothing fails here but a
// measurement that cannot be made.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
)

// A figure is one line of the table.
type figure struct {
	what   string
	got    string
	target string
	note   string
	missed bool
}

// A measurement makes figures. errSkip says why one cannot be made here.
type measurement struct {
	name string
	run  func(ctx context.Context, b *bench) ([]figure, error)
}

// bench is what measurements share.
type bench struct {
	stoker string // path of the binary
	dir    string // temporary, removed at the end
}

// errSkip marks a measurement that this machine cannot make.
var errSkip = errors.New("skipped")

func measurements() []measurement {
	return []measurement{
		{"engine", benchEngine},
		{"templates", benchTemplates},
		{"group", benchGroup},
		{"scaler", benchScaler},
		{"api", benchAPI},
		{"memory", benchMemory},
		{"balancer", benchBalancer},
		{"step", benchStep},
		{"churn", benchChurn},
		{"docker", benchDocker},
	}
}

func main() {
	stoker := flag.String("stoker", "bin/stoker", "the binary to measure")
	only := flag.String("only", "", "measure these only, comma-separated: engine, templates, group, scaler, api, memory, balancer, step, churn, docker")
	profile := flag.String("cpuprofile", "", "write a profile of this process here")
	role := flag.String("role", "", "for its own child processes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *role != "" {
		if err := serveRole(ctx, *role, flag.Args()); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", *role+":", err)
			os.Exit(1)
		}
		return
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	if err := run(ctx, *stoker, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, stoker, only string) error {
	dir, err := os.MkdirTemp("", "stoker-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{stoker: stoker, dir: dir}
	var figures []figure
	var failed error
	for _, m := range measurements() {
		if only != "" && !strings.Contains(","+only+",", ","+m.name+",") {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s...\n", m.name)
		fs, err := m.run(ctx, b)
		figures = append(figures, fs...)
		switch {
		case errors.Is(err, errSkip):
			figures = append(figures, figure{what: m.name, got: "-", note: err.Error()})
		case err != nil:
			failed = errors.Join(failed, fmt.Errorf("%s: %w", m.name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	show(figures)
	return failed
}

func show(figures []figure) {
	t := table.NewWriter()
	t.SetOutputMirror(os.Stdout)
	t.SetTitle(fmt.Sprintf("%s, %d processors", runtime.Version(), runtime.NumCPU()))
	t.AppendHeader(table.Row{"", "measured", "target", ""})
	for _, f := range figures {
		note := f.note
		if f.missed {
			note = strings.TrimSpace("MISSED " + note)
		}
		t.AppendRow(table.Row{f.what, f.got, f.target, note})
	}
	t.Render()
}
