package docs

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadme runs the commands of the README as a reader would: in order, in a
// copy of nothing but the binary and the examples, with an empty home directory.
// `make demo` is run by `make test`.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := workplace(t)
	commands := 0
	for _, block := range blocks(string(text), "sh") {
		if strings.HasPrefix(block, "make ") {
			continue
		}
		commands += runBlock(t, dir, block)
	}
	if commands < 10 {
		t.Errorf("ran %d commands only", commands)
	}
}

func blocks(text, kind string) []string {
	var out []string
	for _, m := range regexp.MustCompile("(?s)```"+kind+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// workplace is a directory that looks like a clone after make build.
func workplace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "bin", "stoker"), "../cmd/stoker")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS("../examples")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "home"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// runBlock runs each line. One that ends in & goes on until the block has ended;
// `stoker up` goes on until its application answers.
func runBlock(t *testing.T, dir, block string) int {
	t.Helper()
	n := 0
	for line := range strings.Lines(block) {
		line = strings.TrimSpace(line)
		command, background := strings.CutSuffix(line, " &")
		switch {
		case line == "":
			continue
		case background:
			stop := startServer(t, dir, command)
			defer stop()
		case strings.Contains(line, "stoker up"):
			runUp(t, dir, command)
		default:
			if out, err := shell(t.Context(), dir, command).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", line, err, out)
			}
		}
		n++
	}
	return n
}

func shell(ctx context.Context, dir, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", "exec "+line)
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + filepath.Join(dir, "home"), "PATH=" + os.Getenv("PATH")}
	return cmd
}

// startServer starts `stoker serve` on a port of its own, so that it meets no
// other, and gives what stops it.
func startServer(t *testing.T, dir, line string) func() {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	var out strings.Builder
	cmd := shell(context.Background(), dir, line+" --listen "+address)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		res, err := http.Get("http://" + address + "/healthcheck")
		if err == nil {
			res.Body.Close()
		}
		return err
	})
	return func() {
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", line, err, out.String())
		}
	}
}

var servesAt = regexp.MustCompile(`http://127\.[0-9.:]+`)

func runUp(t *testing.T, dir, line string) {
	t.Helper()
	log := filepath.Join(dir, "up.log")
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := shell(context.Background(), dir, line)
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		text, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		url := servesAt.Find(text)
		if url == nil {
			return fmt.Errorf("no address in %q", text)
		}
		res, err := http.Get(string(url))
		if err == nil {
			res.Body.Close()
		}
		return err
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Error(err)
	}
	err = cmd.Wait()
	text, _ := os.ReadFile(log)
	if err != nil {
		t.Errorf("%s: %v\n%s", line, err, text)
	}
	if !strings.Contains(string(text), "DELETE_COMPLETE") {
		t.Errorf("%s does not tell that everything was deleted:\n%s", line, text)
	}
}

func eventually(t *testing.T, f func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-tick.C:
		}
	}
}
