// Package zaqar sends the events of stacks to queues of Zaqar, OpenStack's messaging
// service, as Heat's event sinks of the type zaqar-queue do. Each message is Heat's:
// os.heat.event, version 0.1. What alarms tell goes the same way.
//
// It reads no queues and makes none: Zaqar makes a queue with its first message. It does
// not log in: it is handed what has. What it could not deliver is kept in memory only, so
// a Stoker that ends loses it; the store of events loses nothing.
package zaqar

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/stoker-project/stoker"
)

// Service is a Zaqar as a project sees it.
type Service struct {
	URL  string       // with the version, or without: https://host:8888
	HTTP *http.Client // sends requests with what shows who asks
}

// Config says where messages go.
type Config struct {
	// Allow tells whether a project may have sinks, as a user is told; nil: all may. It
	// connects to nothing.
	Allow func(stoker.ProjectID) error
	// Connect gives the Zaqar of a project. It is asked for each delivery, and keeps what
	// it can keep.
	Connect func(context.Context, stoker.ProjectID) (Service, error)
	Logger  *slog.Logger // nil: silence
}

// The most that waits, of one project; what comes when it is reached is left out.
const maxWaiting = 8 << 20 // bytes

// Zaqar takes at most 256 KiB at once, unless it is told otherwise.
const (
	maxMessage  = 192 << 10 // bytes; a longer one goes without its properties
	maxBatch    = 224 << 10 // bytes
	maxMessages = 20        // of a batch
)

// The pauses after a delivery that went wrong, and how long those get that are left when
// Stoker stops.
const (
	firstPause = time.Second
	lastPause  = time.Minute
	stopTime   = 5 * time.Second
	postTime   = 20 * time.Second // for one delivery
)

// Sink delivers in one goroutine for each project that has something to deliver, so that
// one tenant's flood, or wrong login, keeps nobody else waiting.
type Sink struct {
	allow   func(stoker.ProjectID) error
	connect func(context.Context, stoker.ProjectID) (Service, error)
	log     *slog.Logger
	client  string // names us to Zaqar

	mu    sync.Mutex
	lines map[stoker.ProjectID]*line // those with something to deliver
	idle  []*line                    // of them those that nobody works on yet
	wake  chan struct{}              // holds a token when idle grew
}

var _ stoker.EventSink = (*Sink)(nil)

// line is what waits of a project; it is guarded by Sink.mu.
type line struct {
	project stoker.ProjectID
	waiting []*message // oldest first
	bytes   int
	full    bool // it has been told that some are left out
}

type message struct {
	queue   string
	id      string
	body    []byte // the whole message: ttl and body
	expires time.Time
}

// New makes a sink that delivers while Run runs.
func New(c Config) *Sink {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Allow == nil {
		c.Allow = func(stoker.ProjectID) error { return nil }
	}
	return &Sink{
		allow: c.Allow, connect: c.Connect, log: c.Logger, client: uuid.NewString(),
		lines: map[stoker.ProjectID]*line{}, wake: make(chan struct{}, 1),
	}
}

// queueName is what Zaqar takes for a name.
var queueName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)

// Check implements stoker.EventSink.
func (s *Sink) Check(project stoker.ProjectID, to stoker.SinkTarget) error {
	if !queueName.MatchString(to.Queue) {
		return &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("%q is no name of a queue", to.Queue),
			Hint: "It has 1 to 64 letters, digits, dots, dashes and underscores."}
	}
	return s.allow(project)
}

// Send implements stoker.EventSink.
func (s *Sink) Send(project stoker.ProjectID, to stoker.SinkTarget, ev *stoker.Event, properties map[string]any) {
	text, err := encode(to.TTL, described(ev, properties))
	if err == nil && len(text) > maxMessage {
		text, err = encode(to.TTL, described(ev, nil))
	}
	if err != nil {
		s.log.Error("an event cannot be written for its sink", "stack", ev.Stack, "event", ev.ID, "err", err)
		return
	}
	s.push(project, to, ev.ID, text)
}

// Post sends something else to a queue, in the same way; id names it in logs.
func (s *Sink) Post(project stoker.ProjectID, to stoker.SinkTarget, id string, body any) error {
	text, err := encode(to.TTL, body)
	if err == nil {
		s.push(project, to, id, text)
	}
	return err
}

// push has a message wait for its delivery.
func (s *Sink) push(project stoker.ProjectID, to stoker.SinkTarget, id string, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lines[project]
	if l == nil {
		l = &line{project: project}
		s.lines[project] = l
		s.idle = append(s.idle, l)
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	if l.bytes+len(text) > maxWaiting {
		if !l.full {
			s.log.Warn("more happens than Zaqar takes; messages are left out", "project", project, "waiting", len(l.waiting))
		}
		l.full = true
		return
	}
	l.full = false
	l.bytes += len(text)
	l.waiting = append(l.waiting, &message{to.Queue, id, text, time.Now().Add(to.TTL)})
}

// described is an event as Heat's Event.as_dict writes it (heat/engine/event.py).
func described(ev *stoker.Event, properties map[string]any) map[string]any {
	if properties == nil {
		properties = map[string]any{}
	}
	return map[string]any{
		"timestamp": ev.Time.UTC().Format("2006-01-02T15:04:05.000000"), "version": "0.1", "type": "os.heat.event", "id": ev.ID,
		"payload": map[string]any{
			"resource_name": ev.Resource, "physical_resource_id": ev.PhysicalID, "stack_id": ev.Stack,
			"resource_action": ev.Action, "resource_status": ev.Status, "resource_status_reason": ev.Reason,
			"resource_type": ev.Type, "resource_properties": properties, "version": "0.1",
		},
	}
}

func encode(ttl time.Duration, body any) ([]byte, error) {
	return json.Marshal(map[string]any{"ttl": int64(ttl / time.Second), "body": body})
}
