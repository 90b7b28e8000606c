// Package docker_test runs examples/hello on a real Docker daemon, and breaks
// what can break while it is used.
package docker_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	moby "github.com/moby/moby/client"

	"github.com/stoker-project/stoker/client"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
	"github.com/stoker-project/stoker/examples/story"
)

func TestMain(m *testing.M) { os.Exit(dockerdtest.Main(m.Run)) }

// hello is the application of examples/hello.
type hello struct {
	*story.Story
	url string
}

func TestHello(t *testing.T) {
	s := newHello(t)
	s.Start()
	s.create(2)
	s.size(2)
	load := s.Load(s.url, 4)

	s.update(4)
	s.size(4)
	s.update(3)
	s.size(3)
	load.None("scaling out and in")

	// Somebody kills a container: it is replaced.
	victim := s.Containers()[0]
	if _, err := s.Docker.ContainerKill(t.Context(), victim, moby.ContainerKillOptions{}); err != nil {
		t.Fatal(err)
	}
	s.Until("the killed server is replaced", func() bool {
		all := s.Containers()
		return len(all) == 3 && !strings.Contains(fmt.Sprint(all), victim)
	})
	s.size(3)
	load.Forget() // requests that the killed one had in hand

	// Docker's daemon is killed in the middle of a scale-out: the servers go on, and
	// so does the scale-out when it is back.
	s.updating(5)
	s.Daemon.Kill()
	s.Answers(s.url, 3)
	s.Daemon.Start()
	s.Settled("hello", "UPDATE_COMPLETE")
	s.size(5)
	load.None("the death of dockerd")

	// Stoker itself is killed, and finds what it has.
	load.Stop()
	before := s.Containers()
	s.Kill()
	s.Start()
	s.size(5)
	if after := s.Containers(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("after a restart of Stoker: got containers %v, want %v", after, before)
	}
	if err := s.API.Delete(t.Context(), "hello"); err != nil {
		t.Fatal(err)
	}
	s.Gone()
}

func newHello(t *testing.T) *hello {
	text, err := os.ReadFile("stoker.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := &hello{Story: story.New(t, "../..", "--live-restore")}
	s.Configure(string(text) + "\nlisten: 127.0.0.1:0\n")
	return s
}

func (s *hello) request(min int) client.Request {
	s.Helper()
	r, err := client.Bundle("../hello/hello.yaml", nil)
	if err != nil {
		s.Fatal(err)
	}
	r.Name, r.Parameters = "hello", map[string]any{"min": min, "max": min, "cost": "1ms"}
	return r
}

func (s *hello) create(size int) {
	s.Helper()
	if _, err := s.API.Create(s.Context(), s.request(size)); err != nil {
		s.Fatal(err)
	}
	s.Settled("hello", "CREATE_COMPLETE")
	s.url = s.Output("hello", "url")
}

func (s *hello) updating(size int) {
	s.Helper()
	if err := s.API.Update(s.Context(), "hello", s.request(size)); err != nil {
		s.Fatal(err)
	}
}

func (s *hello) update(size int) {
	s.Helper()
	s.updating(size)
	s.Settled("hello", "UPDATE_COMPLETE")
}

// size wants so many containers, and an answer from each.
func (s *hello) size(want int) {
	s.Helper()
	if got := s.Containers(); len(got) != want {
		s.Errorf("got %d containers, want %d", len(got), want)
	}
	s.Answers(s.url, want)
}
