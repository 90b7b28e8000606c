package guest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// runner does steps. It belongs to one goroutine.
type runner struct {
	dir      string // of the driver
	instance Instance
	env      []string
	out      *output
	started  time.Time
	report   Report // of the first failure
	errors   []string
}

func newRunner(dir string) *runner {
	return &runner{dir: dir, out: newOutput(os.Stdout, outputFile), started: time.Now(), env: environment(os.Environ())}
}

// environment is the container's, with what scripts of root count on.
func environment(env []string) []string {
	has := func(name string) bool {
		return slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
	}
	env = slices.DeleteFunc(slices.Clone(env), func(e string) bool { return strings.HasPrefix(e, "HOME=") })
	env = append(env, "HOME=/root")
	if !has("PATH") {
		env = append(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	}
	if !has("USER") {
		env = append(env, "USER=root")
	}
	return env
}

func (r *runner) say(format string, args ...any) {
	r.out.line("guest: " + fmt.Sprintf(format, args...))
}

// steps takes those of one stage. What fails does not keep the others from being done.
func (r *runner) steps(plan Plan, stage Stage) {
	for _, s := range plan.Steps {
		if s.Stage != stage {
			continue
		}
		r.out.forget()
		if err := r.step(s); err != nil {
			r.failed(s.Name, err)
		}
	}
}

// failed takes note of a failure; the report tells of the first one.
func (r *runner) failed(step string, err error) {
	if r.report.Status == "" {
		r.report = Report{Status: StatusError, Step: step, Reason: err.Error(), Lines: r.out.last()}
	}
	r.errors = append(r.errors, step+": "+err.Error())
	r.say("%s failed: %v", step, err)
}

func (r *runner) step(s Step) error {
	switch {
	case s.Script != nil:
		return r.script(*s.Script)
	case s.File != nil:
		return writeFile(*s.File)
	case s.Group != nil:
		return r.group(*s.Group)
	case s.User != nil:
		return r.user(*s.User)
	case s.Keys != nil:
		return authorize(s.Keys.User, s.Keys.Keys)
	case s.Password != nil:
		return r.password(s.Password.User, s.Password.Password, s.Password.Hash)
	case s.Host != nil:
		return r.host(*s.Host)
	case s.Timezone != nil:
		return setTimezone(*s.Timezone)
	case s.Locale != nil:
		return setLocale(*s.Locale)
	case s.Certs != nil:
		return r.certs(*s.Certs)
	case s.Packages != nil:
		return r.packages(*s.Packages)
	case s.Call != nil:
		return r.call(*s.Call)
	case s.Message != nil:
		r.out.line(r.fill(*s.Message))
	}
	return nil
}

// script writes a script and runs it. What has no #! is for the shell.
func (r *runner) script(s Script) error {
	file := filepath.Join(cloudDir, "instance", "scripts", s.Name)
	if err := os.WriteFile(file, s.Body, 0o700); err != nil {
		return err
	}
	err := r.command(file)
	if errors.Is(err, syscall.ENOEXEC) {
		err = r.command("/bin/sh", file)
	}
	if errors.Is(err, os.ErrNotExist) {
		line, _, _ := strings.Cut(string(s.Body), "\n")
		return fmt.Errorf("the image has no %s", strings.TrimSpace(strings.TrimPrefix(line, "#!")))
	}
	return err
}

// command runs a program with its output in the log, and returns when it has ended,
// though others that it has started may go on.
func (r *runner) command(argv ...string) error { return r.feed("", argv...) }

// feed gives a program its input.
func (r *runner) feed(input string, argv ...string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = "/", append(slices.Clone(r.env), "INSTANCE_ID="+r.instance.ID)
	if input != "" {
		cmd.Stdin = strings.NewReader(input)
	}
	w, done, err := r.out.pipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	w.Close()
	if err == nil {
		err = cmd.Wait()
	}
	settle(done)
	return err
}

// finish writes the report and the files that scripts look for.
func (r *runner) finish() int {
	if r.report.Status == "" {
		r.report.Status = StatusDone
	}
	r.say("user data: %s after %s", r.report.Status, time.Since(r.started).Round(10*time.Millisecond))
	errs := r.errors
	if errs == nil {
		errs = []string{}
	}
	result, err := json.Marshal(map[string]any{"v1": map[string]any{"datasource": "Stoker", "errors": errs}})
	if err == nil {
		err = os.WriteFile(resultFile, append(result, '\n'), 0o644)
	}
	finished := fmt.Sprintf("%.2f - %s - stoker\n", time.Since(r.started).Seconds(), time.Now().UTC().Format(time.RFC1123Z))
	err = errors.Join(err, os.WriteFile(filepath.Join(cloudDir, "instance", "boot-finished"), []byte(finished), 0o644), r.report.write(r.dir))
	if err != nil {
		r.say("write the report: %v", err)
		return 1
	}
	return 0
}
