package docker_test

import (
	"context"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/docker"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
)

// servingRounds is how often each way is taken, in turns.
const servingRounds = 9

// BenchmarkServing takes the time until a new container answers, made by the driver and
// by docker run with the same image on the same network.
func BenchmarkServing(b *testing.B) {
	if _, err := exec.LookPath("docker"); err != nil {
		b.Skip("docker is not installed (apt-get install docker.io)")
	}
	daemon := dockerdtest.New(b)
	d, err := docker.New(b.Context(), config(b, daemon))
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	first, err := d.Create(b.Context(), stoker.ServerSpec{Token: "first", Name: "first", Image: "serve"})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Destroy(context.WithoutCancel(b.Context()), "first", 0)
	image := imageName(b, daemon, first)
	var ours, theirs []time.Duration
	for range servingRounds {
		ours = append(ours, servingOfDriver(b, d))
		theirs = append(theirs, servingOfRun(b, daemon, first, image))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	b.ReportMetric(float64(ours[servingRounds/2].Microseconds())/1000, "ours-ms")
	b.ReportMetric(float64(theirs[servingRounds/2].Microseconds())/1000, "docker-ms")
}

func imageName(b *testing.B, daemon *dockerdtest.Daemon, s stoker.Server) string {
	b.Helper()
	c, err := client.New(client.WithHost("unix://" + daemon.Socket()))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	seen, err := c.ContainerInspect(b.Context(), string(s.ID), client.ContainerInspectOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return seen.Container.Config.Image
}

func servingOfDriver(b *testing.B, d *docker.Driver) time.Duration {
	b.Helper()
	start := time.Now()
	s, err := d.Create(b.Context(), stoker.ServerSpec{Token: "one", Name: "one", Image: "serve"})
	if err != nil {
		b.Fatal(err)
	}
	untilServing(b, s.Addresses[0].IP, s.Port)
	took := time.Since(start)
	if err := d.Destroy(b.Context(), "one", 0); err != nil {
		b.Fatal(err)
	}
	return took
}

// servingOfRun gives the container the address after that of the first server.
func servingOfRun(b *testing.B, daemon *dockerdtest.Daemon, first stoker.Server, image string) time.Duration {
	b.Helper()
	ip := netip.MustParseAddr(first.Addresses[0].IP).Next().String()
	run := func(args ...string) {
		b.Helper()
		cmd := exec.CommandContext(b.Context(), "docker", append([]string{"--host", "unix://" + daemon.Socket()}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("docker %v: %v: %s", args, err, out)
		}
	}
	start := time.Now()
	run("run", "--detach", "--name", "theirs", "--network", first.Addresses[0].Network, "--ip", ip,
		"--env", "HOST=0.0.0.0", "--env", "PORT="+strconv.Itoa(first.Port), image, "serve")
	untilServing(b, ip, first.Port)
	took := time.Since(start)
	run("rm", "--force", "theirs")
	return took
}

// untilServing connects until somebody listens.
func untilServing(b *testing.B, ip string, port int) {
	b.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(ip, strconv.Itoa(port)), 100*time.Millisecond)
		if err == nil {
			c.Close()
			return
		}
		<-tick.C
	}
	b.Fatalf("%s:%d does not listen", ip, port)
}
