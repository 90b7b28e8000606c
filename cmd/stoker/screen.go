package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/jedib0t/go-pretty/v6/text"
)

// A screen shows a stack while it is watched.
type screen interface {
	// show is given each sight in turn.
	show(*sight)
	// end leaves the cursor below what was shown.
	end()
}

// newScreen gives a view that is redrawn where the output is a terminal, and
// plain lines elsewhere.
func newScreen(w io.Writer, hint string) screen {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return &plainScreen{w: w}
	}
	return &liveScreen{f: f, hint: hint, begun: time.Now()}
}

// plainScreen writes a line for each thing that happens.
type plainScreen struct {
	w     io.Writer
	ready bool // the outputs were told
}

func (p *plainScreen) show(s *sight) {
	for _, n := range s.news {
		fmt.Fprintln(p.w, n.line)
	}
	if p.ready || !settled(s.stack.Status) {
		return
	}
	p.ready = true
	for _, o := range s.stack.Outputs {
		fmt.Fprintf(p.w, "%s: %s\n", o.Key, outputText(o))
	}
}

func (p *plainScreen) end() {}

func settled(status string) bool {
	return status == "CREATE_COMPLETE" || status == "UPDATE_COMPLETE"
}

// liveScreen redraws a block of lines in place.
type liveScreen struct {
	f     *os.File
	hint  string
	begun time.Time

	recent []string
	drawn  int // lines of the block that stand on the terminal
}

// keptNews is how many of the last things that happened stay on the screen.
const keptNews = 8

func (l *liveScreen) show(s *sight) {
	for _, n := range s.news {
		l.recent = append(l.recent, n.line)
	}
	l.recent = l.recent[max(0, len(l.recent)-keptNews):]
	width, height := usable(term.GetSize(int(l.f.Fd())))
	lines := picture(s, l.recent, time.Since(l.begun))
	lines = append(lines, "", text.Faint.Sprint(l.hint))
	if len(lines) > height-1 {
		lines = lines[:height-1]
	}
	var b strings.Builder
	if l.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", l.drawn)
	}
	for _, line := range lines {
		b.WriteString("\r\x1b[2K" + text.Snip(line, width-1, "~") + "\n")
	}
	b.WriteString("\x1b[J")
	l.drawn = len(lines)
	_, _ = io.WriteString(l.f, b.String()) // a terminal that is gone needs nothing
}

func (l *liveScreen) end() { l.drawn = 0 }

// usable is the size to draw in: pseudo terminals without a window (docker run -t,
// CI) have none, or say that it is 0 by 0.
func usable(width, height int, err error) (w, h int) {
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return max(width, 10), max(height, 2)
}

// picture draws a stack: its state, its outputs, its groups with the reason of
// their size, what is not complete, and what happened last. It is pure.
func picture(s *sight, recent []string, since time.Duration) []string {
	lines := []string{text.Bold.Sprint(s.stack.Name) + "  " + coloured(s.stack.Status) + "  " + since.Round(time.Second).String()}
	for _, o := range s.stack.Outputs {
		lines = append(lines, fmt.Sprintf("  %s: %s", o.Key, outputText(o)))
	}
	for i := range s.groups {
		g := &s.groups[i]
		lines = append(lines, "", fmt.Sprintf("  %s  %s  %d serving of %d (%d to %d)", text.Bold.Sprint(g.Name),
			bar(g.Serving, g.Size, g.Max), g.Serving, g.Size, g.Min, g.Max))
		if g.Last != nil {
			lines = append(lines, "    "+signalsText(g.Last.Signals)+g.Last.Why)
		}
	}
	if len(s.unsettled) > 0 {
		lines = append(lines, "")
	}
	for i, r := range s.unsettled {
		if i == keptNews {
			lines = append(lines, fmt.Sprintf("  and %d more", len(s.unsettled)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("  %s  %s  %s", coloured(r.Status), r.Name, r.StatusReason))
	}
	lines = append(lines, "")
	for _, line := range recent {
		lines = append(lines, "  "+line)
	}
	return lines
}

// bar draws a group: members that serve, that are wanted, and room to the limit.
func bar(serving, size, limit int) string {
	if limit > 40 {
		return ""
	}
	serving, size = min(serving, limit), min(size, limit)
	return text.FgGreen.Sprint(strings.Repeat("#", serving)) + strings.Repeat("+", max(0, size-serving)) +
		strings.Repeat(".", max(0, limit-max(size, serving)))
}

func signalsText(signals map[string]float64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(signals)) {
		parts = append(parts, fmt.Sprintf("%s %.4g", name, signals[name]))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + " | "
}

func coloured(status string) string {
	switch {
	case strings.HasSuffix(status, "_FAILED"):
		return text.FgRed.Sprint(status)
	case strings.HasSuffix(status, "_COMPLETE"):
		return text.FgGreen.Sprint(status)
	}
	return text.FgYellow.Sprint(status)
}
