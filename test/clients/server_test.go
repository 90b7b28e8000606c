package clients_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hash is that of "password", a cheap one.
const hash = "$2b$05$C0DH3SfOIkgQ0cUtmQuEVe5isNmsvKpY5LbyGvbPXDR7rqGcx4ijq"

const people = `
projects: {shop: {}, other: {}}
users:
  alice: {password: "` + hash + `", roles: {shop: [member]}, default_project: shop}
  root: {password: "` + hash + `", roles: {other: [admin]}, default_project: other}
application_credentials:
  ci: {user: alice, project: shop, secret: "` + hash + `"}
ec2_credentials:
  AKIDALICE: {secret: 0123456789abcdef0123, user: alice, project: shop}
`

const staticToken = "0123456789abcdef-static"

// binary is the program under test, built once.
func binary(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "stoker")
	if text, err := exec.Command("go", "build", "-o", out, "../../cmd/stoker").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, text)
	}
	return out
}

// serve runs a server with a configuration until the test ends, and gives its
// address.
func serve(t *testing.T, program, config string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "stoker.yaml")
	text := fmt.Sprintf("listen: 127.0.0.1:0\ndata: %s\ntoken: %s\nproject: shop\n%s", filepath.Join(dir, "data"), staticToken, config)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", "--config", file)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address, ended := make(chan string, 1), make(chan string, 1)
	go func() {
		var all strings.Builder
		for lines := bufio.NewScanner(log); lines.Scan(); {
			fmt.Fprintln(&all, lines.Text())
			if _, rest, ok := strings.Cut(lines.Text(), "msg=serving url="); ok {
				address <- strings.SplitN(rest, "/v1", 2)[0]
			}
		}
		ended <- all.String()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		text := <-ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server: %v\n%s", err, text)
		}
		for line := range strings.Lines(text) {
			if strings.Contains(line, "level=ERROR") {
				t.Errorf("the server logs: %s", line)
			}
		}
	})
	select {
	case at := <-address:
		return at
	case text := <-ended:
		ended <- text
		t.Fatalf("it does not start:\n%s", text)
	case <-time.After(20 * time.Second):
		t.Fatal("it does not start in time")
	}
	return ""
}

// shell runs programs with an environment of its own.
type shell struct {
	t     *testing.T
	env   []string
	input string
}

// need skips a test where a program or a Python module is not installed.
func need(t *testing.T, program, module string) {
	t.Helper()
	if _, err := os.Stat(program); err != nil {
		t.Skipf("%s is not installed (make deps)", program)
	}
	if module == "" {
		return
	}
	if err := exec.Command(program, "-c", "import "+module).Run(); err != nil {
		t.Skipf("python3's module %s is not installed (make deps)", module)
	}
}

// run gives what a program prints, warnings apart. It has to end well.
func (s *shell) run(name string, args ...string) string {
	s.t.Helper()
	out, errs, err := s.try(name, args...)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, errs)
	}
	return out
}

// session gives what a program prints that reads commands from its input: it
// starts once for all of them, which saves most of the time.
func (s *shell) session(name string, commands ...string) string {
	s.t.Helper()
	s.input = strings.Join(commands, "\n") + "\n"
	defer func() { s.input = "" }()
	return s.run(name)
}

func (s *shell) try(name string, args ...string) (out, errs string, err error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append([]string{"PATH=/usr/bin:/bin", "HOME=" + s.t.TempDir(), "LC_ALL=C.UTF-8", "PYTHONWARNINGS=ignore"}, s.env...)
	cmd.Stdin = strings.NewReader(s.input)
	var o, e strings.Builder
	cmd.Stdout, cmd.Stderr = &o, &e
	err = cmd.Run()
	return o.String(), e.String(), err
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
