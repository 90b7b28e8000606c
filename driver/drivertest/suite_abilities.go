package drivertest

import (
	"context"
	"errors"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

func (s *suite) wait() {
	w, ok := s.driver.(stoker.ServerWaiter)
	if !ok {
		s.Skip("the driver does not wait")
	}
	s.make(s.Ends, "one")
	for _, when := range []string{"once", "twice"} {
		got, err := w.Wait(s.ctx, "one")
		if err != nil {
			s.Fatalf("%s: %v", when, err)
		}
		if !hasEnded(got) || !strings.Contains(got.Reason, s.Output) {
			s.Errorf("%s: got %s, reason %q, want an end and the log's last line %q", when, got.State, got.Reason, s.Output)
		}
	}
	if _, err := w.Wait(s.ctx, "never was"); !stoker.IsKind(err, stoker.NotFound) {
		s.Errorf("a server that never was: got %v, want NotFound", err)
	}
}

func (s *suite) waitEnds() {
	w, ok := s.driver.(stoker.ServerWaiter)
	if !ok {
		s.Skip("the driver does not wait")
	}
	s.make(s.Runs, "one")
	ctx, cancel := context.WithTimeout(s.ctx, 20*time.Millisecond)
	defer cancel()
	if got, err := w.Wait(ctx, "one"); !errors.Is(err, context.DeadlineExceeded) {
		s.Errorf("a running server: got %s, error %v, want the context's error", got.State, err)
	}
	waited := make(chan error, 1)
	go func() {
		_, err := w.Wait(s.ctx, "one")
		waited <- err
	}()
	select { // let it begin to wait; should it be slow, the test only sees less
	case err := <-waited:
		s.Fatalf("a running server: got %v although nothing has happened", err)
	case <-time.After(10 * time.Millisecond):
	}
	if err := s.driver.Destroy(s.ctx, "one", s.Grace); err != nil {
		s.Fatal(err)
	}
	select {
	case err := <-waited:
		if !stoker.IsKind(err, stoker.NotFound) {
			s.Errorf("a destroyed server: got %v, want NotFound", err)
		}
	case <-s.ctx.Done():
		s.Error("wait did not return although the server was destroyed")
	}
}

func (s *suite) metadata() {
	u, ok := s.driver.(stoker.MetadataUpdater)
	if !ok || s.Metadata == nil {
		s.Skip("the driver's metadata cannot be updated or seen")
	}
	spec := s.Runs
	spec.Metadata = map[string]string{"role": "web", "with space": `{"a": 1}`}
	s.make(spec, "one")
	if got := s.Metadata(s.T, s.driver, "one"); !maps.Equal(got, spec.Metadata) {
		s.Errorf("got %v, want %v", got, spec.Metadata)
	}
	want := map[string]string{"role": "db"}
	if err := u.UpdateMetadata(s.ctx, "one", want); err != nil {
		s.Fatal(err)
	}
	if got := s.Metadata(s.T, s.driver, "one"); !maps.Equal(got, want) {
		s.Errorf("after the update: got %v, want %v", got, want)
	}
	if err := u.UpdateMetadata(s.ctx, "never was", want); !stoker.IsKind(err, stoker.NotFound) {
		s.Errorf("a server that never was: got %v, want NotFound", err)
	}
}

func (s *suite) logs() {
	l, ok := s.driver.(stoker.LogReader)
	if !ok {
		s.Skip("the driver has no logs")
	}
	s.make(s.Ends, "one")
	s.await("one", hasEnded)
	for tail, want := range map[int]string{0: "", 1: s.Output + "\n", -1: s.Output + "\n"} {
		got, err := s.readLog(l, tail, false)
		if err != nil {
			s.Fatal(err)
		}
		if tail >= 0 && got != want || !strings.HasSuffix(got, want) {
			s.Errorf("tail %d: got %q, want %q", tail, got, want)
		}
	}
	if _, err := l.Logs(s.ctx, "never was", -1, false); !stoker.IsKind(err, stoker.NotFound) {
		s.Errorf("a server that never was: got %v, want NotFound", err)
	}
}

func (s *suite) followLogs() {
	l, ok := s.driver.(stoker.LogReader)
	if !ok {
		s.Skip("the driver has no logs")
	}
	s.make(s.Ends, "one")
	got, err := s.readLog(l, -1, true)
	if err != nil || !strings.HasSuffix(got, s.Output+"\n") {
		s.Errorf("got %q, error %v, want all up to %q", got, err, s.Output)
	}
	s.make(s.Runs, "two")
	r, err := l.Logs(s.ctx, "two", -1, true)
	if err != nil {
		s.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, r)
		ended <- err
	}()
	if err := s.driver.Destroy(s.ctx, "two", s.Grace); err != nil {
		s.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			s.Errorf("following a destroyed server: %v", err)
		}
	case <-s.ctx.Done():
		s.Error("following did not end with the server")
	}
	if err := r.Close(); err != nil {
		s.Error(err)
	}
}

func (s *suite) readLog(l stoker.LogReader, tail int, follow bool) (string, error) {
	r, err := l.Logs(s.ctx, "one", tail, follow)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), errors.Join(err, r.Close())
}

func (s *suite) cpu() {
	c, ok := s.driver.(stoker.CPUReader)
	if !ok || s.Burns == nil {
		s.Skip("the driver does not read CPU time")
	}
	s.make(*s.Burns, "burns")
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	last := 0.0
	for grown := 0; grown < 3; {
		used, err := c.CPU(s.ctx, []stoker.ServerToken{"burns", "never was"})
		if err != nil {
			s.Fatal(err)
		}
		if _, there := used["never was"]; there || len(used) != 1 {
			s.Fatalf("got %v, want burns only", used)
		}
		if used["burns"] < last {
			s.Fatalf("CPU time went back from %g to %g", last, used["burns"])
		}
		if used["burns"] > last {
			last = used["burns"]
			grown++
		}
		select {
		case <-s.ctx.Done():
			s.Fatalf("CPU time does not grow, it is %g", last)
		case <-tick.C:
		}
	}
}
