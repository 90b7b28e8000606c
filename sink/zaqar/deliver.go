package zaqar

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/fetch"
)

// Run delivers until ctx ends, and a moment longer what is left then. It returns nil when
// nothing is under way any more.
func (s *Sink) Run(ctx context.Context) error {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var workers sync.WaitGroup
	for {
		select {
		case <-ctx.Done():
			s.begin(life, ctx.Done(), &workers)
			last := time.AfterFunc(stopTime, end)
			workers.Wait()
			last.Stop()
			return nil
		case <-s.wake:
			s.begin(life, ctx.Done(), &workers)
		}
	}
}

func (s *Sink) begin(ctx context.Context, stopping <-chan struct{}, workers *sync.WaitGroup) {
	s.mu.Lock()
	idle := s.idle
	s.idle = nil
	s.mu.Unlock()
	for _, l := range idle {
		workers.Go(func() { s.deliver(ctx, stopping, l) })
	}
}

// deliver sends what waits of a project until nothing does. When Stoker stops, what is
// left is tried once.
func (s *Sink) deliver(ctx context.Context, stopping <-chan struct{}, l *line) {
	wait := firstPause
	failing := false
	for {
		batch := s.next(l, time.Now())
		if len(batch) == 0 {
			return
		}
		err := s.post(ctx, l, batch)
		if err == nil {
			if failing {
				s.log.Info("Zaqar takes messages again", "project", l.project)
			}
			wait, failing = firstPause, false
			continue
		}
		if !failing {
			s.log.Warn("Zaqar does not take messages; they wait", "project", l.project, "err", err)
		}
		failing = true
		t := time.NewTimer(wait)
		select {
		case <-stopping:
			t.Stop()
			s.giveUp(l, err)
			return
		case <-t.C:
		}
		wait = min(2*wait, lastPause)
	}
}

// next gives messages for one queue, the oldest first, and drops those that would have
// ended there by now. The line goes with its last message.
func (s *Sink) next(l *line, now time.Time) []*message {
	s.mu.Lock()
	defer s.mu.Unlock()
	late := 0
	l.waiting = slices.DeleteFunc(l.waiting, func(m *message) bool {
		if m.expires.After(now) {
			return false
		}
		late++
		l.bytes -= len(m.body)
		return true
	})
	if late > 0 {
		s.log.Error("messages waited for Zaqar as long as they were to be kept there, and are given up", "project", l.project, "messages", late)
	}
	if len(l.waiting) == 0 {
		delete(s.lines, l.project)
		return nil
	}
	var batch []*message
	size := 0
	for _, m := range l.waiting {
		if m.queue != l.waiting[0].queue {
			continue
		}
		if size += len(m.body); len(batch) > 0 && size > maxBatch || len(batch) == maxMessages {
			break
		}
		batch = append(batch, m)
	}
	return batch
}

// done takes away what was delivered, or given up.
func (s *Sink) done(l *line, batch []*message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(m *message) bool {
		gone := slices.Contains(batch, m)
		if gone {
			l.bytes -= len(m.body)
		}
		return gone
	})
}

func (s *Sink) giveUp(l *line, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Error("Stoker stops before Zaqar has taken all messages", "project", l.project, "messages", len(l.waiting), "err", err)
	delete(s.lines, l.project)
}

// post delivers messages for one queue. Those that Zaqar refuses are given up, as trying
// again would not help; the others of their batch are delivered. The error is why to try
// again with what is left.
func (s *Sink) post(ctx context.Context, l *line, batch []*message) error {
	err := s.put(ctx, l.project, batch)
	refused, ok := errors.AsType[*refusal](err)
	switch {
	case err != nil && !ok:
		return err
	case ok && len(batch) > 1:
		half := len(batch) / 2
		if err := s.post(ctx, l, batch[:half]); err != nil {
			return err
		}
		return s.post(ctx, l, batch[half:])
	case ok:
		s.log.Error("Zaqar refuses a message, and it is given up", "project", l.project, "queue", batch[0].queue, "of", batch[0].id, "err", refused)
	}
	s.done(l, batch)
	return nil
}

// refusal is an answer that will be the same again.
type refusal struct{ status, text string }

func (r *refusal) Error() string { return fmt.Sprintf("the answer is %s: %s", r.status, r.text) }

func (s *Sink) put(ctx context.Context, project stoker.ProjectID, batch []*message) error {
	ctx, stop := context.WithTimeout(ctx, postTime)
	defer stop()
	service, err := s.connect(ctx, project)
	if err != nil {
		return err
	}
	body := []byte(`{"messages":[`)
	for i, m := range batch {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, m.body...)
	}
	body = append(body, "]}"...)
	base := strings.TrimSuffix(strings.TrimSuffix(service.URL, "/"), "/v2")
	at := base + "/v2/queues/" + url.PathEscape(batch[0].queue) + "/messages"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Client-ID", s.client)
	req.Header.Set("X-Project-ID", string(project)) // where no Keystone says whose queues they are
	res, err := service.HTTP.Do(req)
	if err != nil {
		return fetch.Cause(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	switch res.StatusCode {
	case http.StatusCreated, http.StatusOK:
		return nil
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return &refusal{res.Status, oneLine(text)}
	}
	return fmt.Errorf("the answer is %s: %s", res.Status, oneLine(text))
}

// oneLine is what a log can hold of an answer.
func oneLine(text []byte) string {
	words := strings.Join(strings.Fields(strings.ToValidUTF8(string(text), "?")), " ")
	return strings.ToValidUTF8(words[:min(len(words), 200)], "")
}
