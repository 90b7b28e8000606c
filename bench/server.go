package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stoker-project/stoker/client"
)

// server is a real `stoker serve` with everything embedded.
type server struct {
	*client.Client
	url string
	cmd *exec.Cmd
	log string
}

const token = "bench-0123456789abcdef"

func (b *bench) serve(ctx context.Context, name string) (*server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.dir, name)
	s := &server{url: "http://" + address, log: filepath.Join(b.dir, name+".log")}
	logFile, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	s.cmd = exec.CommandContext(ctx, b.stoker, "serve", "--listen", address, "--data", dir, "--token", token, "--driver", "process")
	s.cmd.Stdout, s.cmd.Stderr = logFile, logFile
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) }
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := listening(ctx, address); err != nil {
		s.stop()
		text, _ := os.ReadFile(s.log)
		return nil, fmt.Errorf("stoker serve: %w: %s", err, text)
	}
	s.Client, err = client.New(client.Config{URL: s.url, Token: token})
	return s, err
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(os.Interrupt)
	_ = s.cmd.Wait()
}

// finish waits until a stack has the status.
func (s *server) finish(ctx context.Context, ident, status string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		st, err := s.Stack(ctx, ident)
		switch {
		case err != nil:
			return err
		case st.Status == status:
			return nil
		case !strings.HasSuffix(st.Status, "_IN_PROGRESS"):
			return fmt.Errorf("stack %s is %s: %s", ident, st.Status, st.StatusReason)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// benchAPI lists 101 stacks over 16 connections for five seconds.
func benchAPI(ctx context.Context, b *bench) ([]figure, error) {
	s, err := b.serve(ctx, "api")
	if err != nil {
		return nil, err
	}
	defer s.stop()
	for i := range 101 {
		name := fmt.Sprintf("s%d", i)
		r := client.Request{Name: name, Template: "heat_template_version: 2021-04-16\nresources: {r: {type: OS::Heat::None}}"}
		if _, err := s.Create(ctx, r); err != nil {
			return nil, err
		}
		if err := s.finish(ctx, name, "CREATE_COMPLETE"); err != nil {
			return nil, err
		}
	}
	rate, p99, err := s.list(ctx, 16, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return []figure{
		{what: "GET /stacks, 101 stacks, 16 connections", got: fmt.Sprintf("%.0f req/s", rate), target: "> 2000 req/s", missed: rate <= 2000},
		took("its p99", p99, 25*time.Millisecond),
	}, nil
}

func (s *server) list(ctx context.Context, connections int, d time.Duration) (rate float64, p99 time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	hc := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	var (
		mu   sync.Mutex
		all  []time.Duration
		errs []error
		wg   sync.WaitGroup
	)
	start := time.Now()
	for range connections {
		wg.Go(func() {
			ds, err := listUntil(ctx, hc, s.url+"/v1/default/stacks")
			mu.Lock()
			defer mu.Unlock()
			all, errs = append(all, ds...), append(errs, err)
		})
	}
	wg.Wait()
	took := time.Since(start)
	if err := errors.Join(errs...); err != nil || len(all) == 0 {
		return 0, 0, fmt.Errorf("%d answers: %w", len(all), err)
	}
	slices.Sort(all)
	return float64(len(all)) / took.Seconds(), all[len(all)*99/100], nil
}

func listUntil(ctx context.Context, hc *http.Client, url string) ([]time.Duration, error) {
	var out []time.Duration
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("X-Auth-Token", token)
		start := time.Now()
		res, err := hc.Do(req)
		if ctx.Err() != nil {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		_, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if ctx.Err() != nil {
			return out, nil
		}
		if err != nil || res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("GET %s: %s %w", url, res.Status, err)
		}
		out = append(out, time.Since(start))
	}
}

// benchMemory reads what an idle server holds, after it has settled.
func benchMemory(ctx context.Context, b *bench) ([]figure, error) {
	s, err := b.serve(ctx, "memory")
	if err != nil {
		return nil, err
	}
	defer s.stop()
	select {
	case <-time.After(5 * time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	kb, err := pss(s.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	mb := float64(kb) / 1024
	return []figure{{what: "idle memory, everything embedded (PSS)", got: fmt.Sprintf("%.0f MB", mb), target: "< 60 MB", missed: mb >= 60}}, nil
}

func pss(pid int) (kb int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			return strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
		}
	}
	return 0, errors.New("no Pss in smaps_rollup")
}
