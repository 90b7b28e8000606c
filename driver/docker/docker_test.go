package docker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/docker"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
	"github.com/stoker-project/stoker/driver/drivertest"
)

func TestMain(m *testing.M) {
	os.Exit(dockerdtest.Main(func() int {
		code := m.Run()
		if err := goleak.Find(); err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return code
	}))
}

// app builds the program of the tests' containers, once.
var app = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "app")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "app")
	cmd := exec.Command("go", "build", "-o", file, "./testdata/app")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	cmd.Stderr = os.Stderr
	return file, cmd.Run()
})

// config is a driver's with images that run the program in its several ways.
func config(t testing.TB, daemon *dockerdtest.Daemon) docker.Config {
	t.Helper()
	file, err := app()
	if err != nil {
		t.Fatal(err)
	}
	images := map[string]docker.Image{}
	for _, how := range []string{"serve", "ends", "burns", "stubborn", "noise"} {
		images[how] = docker.Image{Program: file, Command: []string{how}}
	}
	dir := t.TempDir()
	dockerdtest.Unmount(t, filepath.Join(dir, "mounts"))
	return docker.Config{Dir: dir, Socket: daemon.Socket(), Images: images, Pull: docker.PullNever}
}

// open starts a driver that ends with the test, and its servers too.
func open(t *testing.T, cfg docker.Config) *docker.Driver {
	t.Helper()
	d, err := docker.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func spec(image string) stoker.ServerSpec { return stoker.ServerSpec{Image: image} }

func TestConformance(t *testing.T) {
	daemon := dockerdtest.New(t)
	var cfg docker.Config
	burns := spec("burns")
	program, err := guestProgram()
	if err != nil {
		t.Fatal(err)
	}
	drivertest.Run(t, func(t *testing.T) stoker.Driver {
		cfg = config(t, daemon)
		cfg.Guest = program
		return open(t, cfg)
	}, drivertest.Options{
		Runs:   spec("serve"),
		Ends:   spec("ends"),
		Output: "goodbye",
		Burns:  &burns,
		Bad: map[string]stoker.ServerSpec{
			"no image":             {},
			"no such image":        {Image: "there/is/none:1"},
			"no name of an image":  {Image: "What? ./this"},
			"port":                 {Image: "serve", Port: 70000},
			"negative flavor":      {Image: "serve", Flavor: stoker.Flavor{CPUs: -1}},
			"too little memory":    {Image: "serve", Flavor: stoker.Flavor{Memory: 1000}},
			"metadata not for env": {Image: "serve", Metadata: map[string]string{"a": "x\x00y"}},
			"metadata too large":   {Image: "serve", Metadata: map[string]string{"a": strings.Repeat("x", 200_000)}},
		},
		Metadata: func(t *testing.T, d stoker.Driver, token stoker.ServerToken) map[string]string {
			var m map[string]string
			if err := json.Unmarshal([]byte(get(t, find(t, d, token), "/files/metadata.json")), &m); err != nil {
				t.Fatal(err)
			}
			return m
		},
		Files: files{},
		UserData: func(fails bool) string {
			return "#!/app script\n" + map[bool]string{true: "fail", false: "work"}[fails]
		},
		Reopen: func(t *testing.T, d stoker.Driver) stoker.Driver {
			if err := d.(*docker.Driver).Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, cfg)
		},
		Dial:       dial,
		Outside:    beyond(t),
		Grace:      time.Second,
		Concurrent: 8,
		Timeout:    time.Minute,
	})
}

func find(t *testing.T, d stoker.Driver, token stoker.ServerToken) stoker.Server {
	t.Helper()
	servers, err := d.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range servers {
		if s.Token == token {
			return s
		}
	}
	t.Fatalf("there is no server %q", token)
	return stoker.Server{}
}

// get asks a server until it answers.
func get(t *testing.T, s stoker.Server, path string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	url := "http://" + net.JoinHostPort(s.Addresses[0].IP, strconv.Itoa(s.Port)) + path
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err == nil {
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err == nil && resp.StatusCode == http.StatusOK {
				return string(body)
			}
			t.Fatalf("%s: %s, error %v", url, resp.Status, err)
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not answer: %v", url, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
