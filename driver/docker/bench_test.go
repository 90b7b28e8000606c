package docker_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/docker"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
)

// BenchmarkServers measures what is asked again and again, with 200 servers.
func BenchmarkServers(b *testing.B) {
	daemon := dockerdtest.New(b)
	cfg := config(b, daemon)
	d, err := docker.New(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	tokens := make([]stoker.ServerToken, 200)
	var wg sync.WaitGroup
	turns := make(chan struct{}, 4)
	for i := range tokens {
		tokens[i] = stoker.ServerToken(fmt.Sprintf("server-%d", i))
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			if _, err := d.Create(b.Context(), stoker.ServerSpec{Token: tokens[i], Name: "x", Image: "serve"}); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			if servers, err := d.List(b.Context()); err != nil || len(servers) != 200 {
				b.Fatalf("got %d servers, error %v", len(servers), err)
			}
		}
	})
	// What a Stoker does that starts: it finds all, and its engine asks for each.
	b.Run("reconcile", func(b *testing.B) {
		for b.Loop() {
			reconcile(b, cfg, tokens)
		}
	})
	b.Run("cpu", func(b *testing.B) {
		for b.Loop() {
			if used, err := d.CPU(b.Context(), tokens); err != nil || len(used) != 200 {
				b.Fatalf("got %d servers, error %v", len(used), err)
			}
		}
	})
	b.Run("create and destroy", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Create(b.Context(), stoker.ServerSpec{Token: "one", Name: "x", Image: "serve"}); err != nil {
				b.Fatal(err)
			}
			if err := d.Destroy(b.Context(), "one", 0); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func reconcile(b *testing.B, cfg docker.Config, tokens []stoker.ServerToken) {
	b.Helper()
	d, err := docker.New(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Abandon()
	if servers, err := d.List(b.Context()); err != nil || len(servers) != len(tokens) {
		b.Fatalf("got %d servers, error %v", len(servers), err)
	}
	var wg sync.WaitGroup
	for _, token := range tokens {
		wg.Go(func() {
			if s, err := d.Create(b.Context(), stoker.ServerSpec{Token: token, Name: "x", Image: "serve"}); err != nil || s.State != stoker.ServerActive {
				b.Errorf("got %+v, error %v", s, err)
			}
		})
	}
	wg.Wait()
}
