package story

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	moby "github.com/moby/moby/client"

	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
)

// patience bounds each step on a busy machine.
const patience = 2 * time.Minute

// Story is one Stoker on one Docker daemon.
type Story struct {
	*testing.T
	Daemon *dockerdtest.Daemon
	Docker *moby.Client
	Stoker string // the program
	Data   string // its data directory
	API    *client.Client

	root   string // of the module
	config string
	serve  *exec.Cmd     // the Stoker that runs, or ran last
	ended  chan struct{} // closed when it has ended, and how is known
	how    error
}

// New builds Stoker from root, the folder of the module, and starts a daemon with
// these arguments. Nothing of Stoker runs yet.
func New(t *testing.T, root string, daemon ...string) *Story {
	t.Helper()
	s := &Story{T: t, Daemon: dockerdtest.New(t, daemon...), root: root}
	dir := t.TempDir()
	s.Stoker, s.Data, s.config = filepath.Join(dir, "stoker"), filepath.Join(dir, "data"), filepath.Join(dir, "stoker.yaml")
	dockerdtest.Unmount(t, filepath.Join(s.Data, "docker", "mounts"))
	build := exec.Command("go", "build", "-o", s.Stoker, "./cmd/stoker")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var err error
	if s.Docker, err = moby.New(moby.WithHost("unix://" + s.Daemon.Socket())); err != nil {
		t.Fatal(err)
	}
	return s
}

// Configure gives the Stokers to come a configuration, whose part for the driver
// docker gets the daemon's socket.
func (s *Story) Configure(text string) {
	s.Helper()
	text = strings.Replace(text, "  docker:\n", "  docker:\n    socket: "+s.Daemon.Socket()+"\n", 1)
	if err := os.WriteFile(s.config, []byte(text+"\ndata: "+s.Data+"\n"), 0o600); err != nil {
		s.Fatal(err)
	}
}

// Start starts Stoker as a server, and waits until it answers.
func (s *Story) Start() {
	s.Helper()
	s.start("serve", "--config", s.config)
}

// Up runs a template, as a user does in the module's folder, and waits until its
// Stoker answers. What it says is in the file of the result.
func (s *Story) Up(template string, args ...string) (output string) {
	s.Helper()
	s.start(append([]string{"up", template, "--data", s.Data}, args...)...)
	return s.config + ".log"
}

func (s *Story) start(args ...string) {
	s.Helper()
	log, err := os.OpenFile(s.config+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(s.Stoker, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.root, log, log
	cmd.Env = append(os.Environ(), "HOME="+s.Data)
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	ended := make(chan struct{})
	s.serve, s.ended, s.how = cmd, ended, nil
	go func() {
		s.how = cmd.Wait()
		close(ended)
	}()
	s.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if text, err := os.ReadFile(log.Name()); err == nil && s.Failed() {
			s.Logf("stoker:\n%s", text)
		}
	})
	s.Until("Stoker answers", func() bool {
		select {
		case <-ended:
			s.Fatal("Stoker has ended")
		default:
		}
		found, err := app.Find(s.Data)
		if err != nil || found.PID != cmd.Process.Pid {
			return false
		}
		s.API, err = client.New(client.Config{URL: found.URL, Token: found.Token})
		return err == nil
	})
}

// Kill ends Stoker as a crash does.
func (s *Story) Kill() {
	s.Helper()
	if err := s.serve.Process.Kill(); err != nil {
		s.Fatal(err)
	}
	<-s.ended
}

// Interrupt ends Stoker as Ctrl-C does, and waits until it has ended well.
func (s *Story) Interrupt() {
	s.Helper()
	if err := s.serve.Process.Signal(syscall.SIGINT); err != nil {
		s.Fatal(err)
	}
	select {
	case <-s.ended:
		if s.how != nil {
			s.Errorf("interrupted, Stoker ends with: %v", s.how)
		}
	case <-time.After(patience):
		s.Fatal("Stoker does not end")
	}
}

// CLI runs a command of Stoker's against the one that runs.
func (s *Story) CLI(args ...string) string {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), s.Stoker, append(args, "--data", s.Data)...)
	cmd.Dir = s.root
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.Fatalf("stoker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Settled waits for a state of a stack; a failure ends the test.
func (s *Story) Settled(stack, want string) {
	s.Helper()
	s.Until(want, func() bool {
		st, err := s.API.Stack(s.Context(), stack)
		if err != nil {
			s.Fatal(err)
		}
		if strings.HasSuffix(st.Status, "_FAILED") {
			s.Fatalf("%s: %s", st.Status, st.StatusReason)
		}
		return st.Status == want
	})
}

// Output is the value of one of a stack's outputs, as text.
func (s *Story) Output(stack, key string) string {
	s.Helper()
	outputs, err := s.API.Outputs(s.Context(), stack)
	if err != nil {
		s.Fatal(err)
	}
	for _, o := range outputs {
		if o.Key == key {
			return fmt.Sprint(o.Value)
		}
	}
	s.Fatalf("stack %s has no output %s", stack, key)
	return ""
}

// Gone waits until there is no stack, and wants that no container is left.
func (s *Story) Gone() {
	s.Helper()
	s.Until("the stacks are gone", func() bool {
		stacks, err := s.API.Stacks(s.Context(), client.List{})
		return err == nil && len(stacks) == 0
	})
	if left := s.Containers(); len(left) > 0 {
		s.Errorf("containers are left: %v", left)
	}
}

// Containers are the IDs of all servers that Docker has, the ended ones included.
func (s *Story) Containers() (ids []string) {
	s.Helper()
	all, err := s.Docker.ContainerList(s.Context(), moby.ContainerListOptions{All: true, Filters: moby.Filters{}.Add("label", "stoker.token")})
	if err != nil {
		s.Fatal(err)
	}
	for _, c := range all.Items {
		ids = append(ids, c.ID)
	}
	return ids
}

// Answers waits until so many different servers have answered at url.
func (s *Story) Answers(url string, want int) {
	s.Helper()
	hosts := map[string]bool{}
	tr := &http.Transport{DisableKeepAlives: true}
	s.Until(fmt.Sprintf("%d servers answer", want), func() bool {
		if host, err := Ask(s.Context(), tr, url); err == nil {
			hosts[host] = true
		}
		return len(hosts) >= want
	})
}

// Ask gives the name of the server that answers. It waits a minute at most.
func Ask(ctx context.Context, tr http.RoundTripper, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	var answer struct{ Host string }
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", resp.Status, body)
	}
	return answer.Host, json.Unmarshal(body, &answer)
}

// Until looks again and again until something is so.
func (s *Story) Until(what string, ok func() bool) {
	s.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			s.Fatalf("waited in vain: %s", what)
		}
	}
}
