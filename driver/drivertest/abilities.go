package drivertest

import (
	"context"
	"io"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
)

// UpdateMetadata implements stoker.MetadataUpdater; Spec shows the new metadata.
func (f *Fake) UpdateMetadata(ctx context.Context, token stoker.ServerToken, metadata map[string]string) error {
	return f.change(ctx, "metadata", token, func(s *fakeServer) { s.spec.Metadata = maps.Clone(metadata) })
}

// Resize implements stoker.ServerResizer; Spec shows the new flavor.
func (f *Fake) Resize(ctx context.Context, token stoker.ServerToken, flavor stoker.Flavor) error {
	return f.change(ctx, "resize", token, func(s *fakeServer) { s.spec.Flavor = flavor })
}

// Pause implements stoker.ServerPauser.
func (f *Fake) Pause(ctx context.Context, token stoker.ServerToken) error {
	return f.turn(ctx, "pause", token, stoker.ServerPaused)
}

// Unpause implements stoker.ServerPauser.
func (f *Fake) Unpause(ctx context.Context, token stoker.ServerToken) error {
	return f.turn(ctx, "unpause", token, stoker.ServerActive)
}

func (f *Fake) turn(ctx context.Context, op string, token stoker.ServerToken, state stoker.ServerState) error {
	err := error(nil)
	if changed := f.change(ctx, op, token, func(s *fakeServer) {
		if s.State != stoker.ServerActive && s.State != stoker.ServerPaused {
			err = stoker.Errorf(stoker.Conflict, "%s server %q: it is in state %s", op, token, s.State)
			return
		}
		s.State = state
	}); changed != nil {
		return changed
	}
	return err
}

func (f *Fake) change(ctx context.Context, op string, token stoker.ServerToken, do func(*fakeServer)) error {
	if err := f.enter(ctx, op, token); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.servers[token]
	if !ok {
		return noServer(token)
	}
	do(s)
	return nil
}

// CPU implements stoker.CPUReader: what UseCPU has added, and for ImageBurns the
// time since it was made.
func (f *Fake) CPU(ctx context.Context, tokens []stoker.ServerToken) (map[stoker.ServerToken]float64, error) {
	if err := f.enter(ctx, "cpu", ""); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	used := make(map[stoker.ServerToken]float64, len(tokens))
	for _, token := range tokens {
		s, ok := f.servers[token]
		if !ok {
			continue
		}
		used[token] = s.cpu
		if s.spec.Image == ImageBurns {
			used[token] += time.Since(s.Created).Seconds()
		}
	}
	return used, nil
}

// Logs implements stoker.LogReader. With follow, the stream stays open until the
// server is gone or ctx ends, but shows only what was there at the start.
func (f *Fake) Logs(ctx context.Context, token stoker.ServerToken, tail int, follow bool) (io.ReadCloser, error) {
	if err := f.enter(ctx, "logs", token); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.servers[token]
	if !ok {
		return nil, noServer(token)
	}
	lines := s.log
	if tail >= 0 && len(lines) > tail {
		lines = lines[len(lines)-tail:]
	}
	text := ""
	if len(lines) > 0 {
		text = strings.Join(lines, "\n") + "\n"
	}
	r := &fakeLog{text: strings.NewReader(text), closed: make(chan struct{})}
	if follow {
		r.ctx, r.server = ctx, s
	}
	return r, nil
}

// fakeLog reads a text and then, when following, waits for the server's end.
type fakeLog struct {
	text   *strings.Reader
	ctx    context.Context
	server *fakeServer // nil: do not follow
	once   sync.Once
	closed chan struct{}
}

func (l *fakeLog) Read(p []byte) (int, error) {
	if l.text.Len() > 0 {
		return l.text.Read(p)
	}
	if l.server == nil {
		return 0, io.EOF
	}
	select {
	case <-l.closed:
		return 0, io.ErrClosedPipe
	case <-l.ctx.Done():
		return 0, context.Cause(l.ctx)
	case <-l.server.ended:
	case <-l.server.gone:
	}
	return 0, io.EOF
}

func (l *fakeLog) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}
