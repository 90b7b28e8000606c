package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"
)

const (
	dockerBound    = 5 * time.Minute
	dockerServing  = 1.2 // of docker run and the application's own start
	dockerListed   = time.Second
	dockerPackage  = "./driver/docker"
	dockerPrograms = "dockerd and docker"
)

// benchDocker runs the driver's own benchmarks, on a private daemon.
func benchDocker(ctx context.Context, _ *bench) ([]figure, error) {
	for _, program := range []string{"dockerd", "docker"} {
		if _, err := exec.LookPath(program); err != nil || os.Geteuid() != 0 {
			return nil, fmt.Errorf("%w: needs root, and %s installed", errSkip, dockerPrograms)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, dockerBound)
	defer cancel()
	serving, err := benchmark(ctx, dockerPackage, "BenchmarkServing")
	if err != nil {
		return nil, err
	}
	out := []figure{{
		what:   "container up and serving",
		got:    fmt.Sprintf("%.0f ms", serving["ours-ms"]),
		target: fmt.Sprintf("<= %.1f x docker run's %.0f ms", dockerServing, serving["docker-ms"]),
		note:   fmt.Sprintf("%.2f of docker run; medians", serving["ours-ms"]/serving["docker-ms"]),
		missed: serving["ours-ms"] > dockerServing*serving["docker-ms"],
	}}
	reconcile, err := benchmark(ctx, dockerPackage, "BenchmarkServers/reconcile")
	if err != nil {
		return out, err
	}
	f := took("200 containers found after a restart, listed and asked for", time.Duration(reconcile["ns/op"]), dockerListed)
	return append(out, f), nil
}
