// Package tutorial_test runs the cluster of this folder on a real Docker daemon,
// and changes it under load.
package tutorial_test

import (
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
	"github.com/stoker-project/stoker/examples/story"
)

func TestMain(m *testing.M) { os.Exit(dockerdtest.Main(m.Run)) }

func TestCluster(t *testing.T) {
	s := newCluster(t)
	s.Start()
	s.stack("create", 3, "m1.small")
	url := s.Output("cluster", "url")
	s.Answers(url, 3)
	load := s.Load(url, 4)
	before := s.Containers()

	s.stack("update", 5, "m1.small")
	s.Answers(url, 5)
	s.kept("growing", before, 6)
	load.None("growing to 5")

	before = s.Containers()
	s.stack("update", 5, "m1.medium")
	s.kept("a larger flavor", before, 6)
	load.None("a larger flavor")

	s.stack("update", 2, "m1.medium")
	s.Answers(url, 2)
	if got := len(s.Containers()); got != 3 {
		t.Errorf("after shrinking to 2 there are %d containers, want 3", got)
	}
	load.None("shrinking to 2")

	load.Stop()
	s.CLI("stack", "delete", "cluster", "--wait")
	s.Gone()
}

type cluster struct{ *story.Story }

// newCluster takes a Debian made here for the image, which could not be fetched.
func newCluster(t *testing.T) cluster {
	s := cluster{story.New(t, "../..", "--live-restore")}
	// What stands in user data must be the same after a restart: a port of its own.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.Configure(fmt.Sprintf(`
driver: docker
drivers:
  docker:
    images: {tutorial: {import: %s}}
listen: %s
`, dockerdtest.Debian(t), l.Addr()))
	return s
}

// stack creates or updates the cluster as a user does.
func (s cluster) stack(verb string, size int, flavor string) {
	s.Helper()
	s.CLI("stack", verb, "cluster", "-t", "examples/heat-tutorial/cluster.yaml",
		"-e", "examples/heat-tutorial/env.yaml", "-P", fmt.Sprint("cluster_size=", size), "-P", "flavor="+flavor, "--wait")
}

// kept wants so many containers, those from before among them.
func (s cluster) kept(during string, before []string, want int) {
	s.Helper()
	now := map[string]bool{}
	for _, id := range s.Containers() {
		now[id] = true
	}
	if len(now) != want {
		s.Errorf("%s: %d containers, want %d", during, len(now), want)
	}
	for _, id := range before {
		if !now[id] {
			s.Errorf("%s: container %s has been replaced", during, id)
		}
	}
}
