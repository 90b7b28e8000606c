package zaqar_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/sink/zaqar"
)

// fake is a Zaqar as the sink sees it. It keeps messages by project and queue.
type fake struct {
	mu     sync.Mutex
	queues map[string][]map[string]any // by "project/queue"
	posts  int
	slow   time.Duration // each post takes so long
	// answer may take Zaqar's place for a request; 0: Zaqar takes it.
	answer func(n int, r *http.Request, body []byte) (status int, err error)
}

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	time.Sleep(f.slow)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.posts++
	if f.answer != nil {
		status, err := f.answer(f.posts, r, body)
		if err != nil {
			return nil, err
		}
		if status != 0 {
			return reply(status, `{"title": "no", "description": "of the test"}`), nil
		}
	}
	words := strings.Split(r.URL.Path, "/") // /v2/queues/NAME/messages
	if r.Method != http.MethodPost || len(words) != 5 || words[1] != "v2" || words[4] != "messages" || len(r.Header.Get("Client-ID")) != 36 {
		return reply(404, r.Method+" "+r.URL.Path), nil
	}
	var in struct {
		Messages []struct {
			TTL  int            `json:"ttl"`
			Body map[string]any `json:"body"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(body, &in); err != nil || len(in.Messages) == 0 || len(in.Messages) > 20 || len(body) > 256<<10 {
		return reply(400, fmt.Sprintf("%d bytes, %d messages: %v", len(body), len(in.Messages), err)), nil
	}
	key := r.Header.Get("X-Project-ID") + "/" + words[3]
	for _, m := range in.Messages {
		if m.TTL < 60 {
			return reply(400, "ttl"), nil
		}
	}
	for _, m := range in.Messages {
		f.queues[key] = append(f.queues[key], m.Body)
	}
	return reply(201, `{"resources": []}`), nil
}

func reply(status int, text string) *http.Response {
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}
}

// ids are those of the events in a queue.
func (f *fake) ids(key string) (out []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.queues[key] {
		out = append(out, m["id"].(string))
	}
	return out
}

// bench is a sink that runs, in a bubble of synctest.
type bench struct {
	*zaqar.Sink
	*fake
	log  *bytes.Buffer // to be read after stop
	stop func()
}

func open(t *testing.T, change func(*zaqar.Config)) *bench {
	b := &bench{fake: &fake{queues: map[string][]map[string]any{}}, log: &bytes.Buffer{}}
	c := zaqar.Config{
		Connect: func(context.Context, stoker.ProjectID) (zaqar.Service, error) {
			return zaqar.Service{URL: "http://zaqar.test:8888/", HTTP: &http.Client{Transport: b.fake}}, nil
		},
		Logger: slog.New(slog.NewTextHandler(b.log, nil)),
	}
	if change != nil {
		change(&c)
	}
	b.Sink = zaqar.New(c)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	b.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	return b
}

func event(id string) *stoker.Event {
	return &stoker.Event{
		ID: id, Stack: "2f0", Time: time.Date(2026, 11, 27, 19, 8, 9, 123456000, time.UTC), Resource: "web", ResourceID: "7a1", PhysicalID: "p1",
		Type: "OS::Nova::Server", Action: stoker.ActionCreate, Status: stoker.StatusComplete, Reason: "state changed",
	}
}

func to(queue string) stoker.SinkTarget { return stoker.SinkTarget{Queue: queue, TTL: time.Hour} }

func (b *bench) send(n int, queue string) (ids []string) {
	for i := range n {
		id := fmt.Sprint("e", i)
		b.Send("shop", to(queue), event(id), nil)
		ids = append(ids, id)
	}
	return ids
}

func (b *bench) want(t *testing.T, key string, ids ...string) {
	t.Helper()
	if got := b.ids(key); fmt.Sprint(got) != fmt.Sprint(ids) {
		t.Errorf("queue %s: got %v, want %v", key, got, ids)
	}
}

func inBubble(t *testing.T, f func(t *testing.T)) { t.Helper(); synctest.Test(t, f) }

// A message is what Heat's would be.
func TestMessage(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := open(t, nil)
		b.Send("shop", to("q"), event("e1"), map[string]any{"flavor": "m1.small"})
		whole := event("e2")
		whole.ResourceID, whole.PhysicalID = "", ""
		b.Send("shop", to("q"), whole, nil)
		synctest.Wait()
		b.stop()
		got, err := json.Marshal(b.queues["shop/q"])
		if err != nil {
			t.Fatal(err)
		}
		want := `[{"id":"e1","payload":{"physical_resource_id":"p1","resource_action":"CREATE","resource_name":"web","resource_properties":{"flavor":"m1.small"},` +
			`"resource_status":"COMPLETE","resource_status_reason":"state changed","resource_type":"OS::Nova::Server","stack_id":"2f0","version":"0.1"},` +
			`"timestamp":"2026-11-27T19:08:09.123456","type":"os.heat.event","version":"0.1"},` +
			`{"id":"e2","payload":{"physical_resource_id":"","resource_action":"CREATE","resource_name":"web","resource_properties":{},` +
			`"resource_status":"COMPLETE","resource_status_reason":"state changed","resource_type":"OS::Nova::Server","stack_id":"2f0","version":"0.1"},` +
			`"timestamp":"2026-11-27T19:08:09.123456","type":"os.heat.event","version":"0.1"}]`
		if string(got) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// Many events come in few posts, in order, by queue and project.
func TestOrder(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := open(t, nil)
		b.slow = time.Second
		var ids []string
		for i := range 100 {
			id := fmt.Sprint("e", i)
			ids = append(ids, id)
			b.Send("shop", to("q"), event(id), nil)
			b.Send("shop", to("r"), event(id), nil)
			b.Send("lab", to("q"), event(id), nil)
		}
		time.Sleep(time.Minute)
		for _, key := range []string{"shop/q", "shop/r", "lab/q"} {
			b.want(t, key, ids...)
		}
		if b.posts > 20 {
			t.Errorf("got %d posts, want about 15", b.posts)
		}
		b.stop()
	})
}

// A Zaqar that is down is waited for, and nothing is lost or out of order.
func TestDown(t *testing.T) {
	for name, answer := range map[string]func(int, *http.Request, []byte) (int, error){
		"no connection": func(int, *http.Request, []byte) (int, error) { return 0, errors.New("connection refused") },
		"unavailable":   func(int, *http.Request, []byte) (int, error) { return 503, nil },
		"no token":      func(int, *http.Request, []byte) (int, error) { return 401, nil },
		"not found":     func(int, *http.Request, []byte) (int, error) { return 404, nil },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				b := open(t, nil)
				b.answer = answer
				ids := b.send(50, "q")
				time.Sleep(20 * time.Minute)
				b.want(t, "shop/q")
				if b.posts > 30 {
					t.Errorf("got %d tries in 20 minutes, want fewer and fewer", b.posts)
				}
				b.mu.Lock()
				b.answer = nil
				b.mu.Unlock()
				b.Send("shop", to("q"), event("last"), nil)
				time.Sleep(2 * time.Minute)
				b.want(t, "shop/q", append(ids, "last")...)
				b.stop()
				if n := strings.Count(b.log.String(), "level=WARN"); n != 1 {
					t.Errorf("got %d warnings, want one: %s", n, b.log)
				}
			})
		})
	}
}

// A project whose login is wrong keeps no other waiting.
func TestTenantsDoNotWaitForEachOther(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := open(t, func(c *zaqar.Config) {
			well := c.Connect
			c.Connect = func(ctx context.Context, p stoker.ProjectID) (zaqar.Service, error) {
				if p == "lab" {
					<-ctx.Done()
					return zaqar.Service{}, ctx.Err()
				}
				return well(ctx, p)
			}
		})
		b.Send("lab", to("q"), event("e1"), nil)
		synctest.Wait()
		b.Send("shop", to("q"), event("e2"), nil)
		synctest.Wait()
		b.want(t, "shop/q", "e2")
		b.want(t, "lab/q")
		begun := time.Now()
		b.stop()
		if took := time.Since(begun); took > 6*time.Second {
			t.Errorf("stopping took %s", took)
		}
		if !strings.Contains(b.log.String(), "Stoker stops before Zaqar has taken all messages") {
			t.Errorf("the loss is not told: %s", b.log)
		}
	})
}

// What is refused is given up alone; a long message goes without its properties.
func TestRefused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := open(t, nil)
		b.answer = func(_ int, _ *http.Request, body []byte) (int, error) {
			if bytes.Contains(body, []byte(`"e7"`)) {
				return 400, nil
			}
			return 0, nil
		}
		ids := b.send(20, "q")
		b.Send("shop", to("q"), event("long"), map[string]any{"user_data": strings.Repeat("x", 300<<10)})
		synctest.Wait()
		b.want(t, "shop/q", append(append(ids[:7:7], ids[8:]...), "long")...)
		b.stop()
		if got := b.log.String(); strings.Count(got, "level=ERROR") != 1 || !strings.Contains(got, "of=e7") {
			t.Errorf("want one loss told: %s", got)
		}
	})
}

// After an answer that was lost, messages may come twice, and none is missing.
func TestLostAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := open(t, nil)
		b.answer = func(n int, r *http.Request, body []byte) (int, error) {
			if n == 1 {
				b.queues["shop/q"] = append(b.queues["shop/q"], map[string]any{"id": "e0"})
				return 0, io.ErrUnexpectedEOF
			}
			return 0, nil
		}
		b.Send("shop", to("q"), event("e0"), nil)
		time.Sleep(time.Minute)
		b.want(t, "shop/q", "e0", "e0")
		b.stop()
	})
}

// A message that has waited as long as it was to be kept is given up; so is what comes
// when too much waits. Both are told.
func TestTooLate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := open(t, nil)
		b.answer = func(int, *http.Request, []byte) (int, error) { return 503, nil }
		b.Send("shop", stoker.SinkTarget{Queue: "q", TTL: time.Minute}, event("short"), nil)
		b.Send("shop", to("q"), event("long"), nil)
		time.Sleep(10 * time.Minute)
		b.mu.Lock()
		b.answer = nil
		b.mu.Unlock()
		time.Sleep(2 * time.Minute)
		b.want(t, "shop/q", "long")
		b.stop()
		if !strings.Contains(b.log.String(), "are given up") {
			t.Errorf("the loss is not told: %s", b.log)
		}
	})
}

func TestTooMuch(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := open(t, nil)
		b.answer = func(int, *http.Request, []byte) (int, error) { return 503, nil }
		for range 100 {
			b.Send("shop", to("q"), event("e"), map[string]any{"x": strings.Repeat("x", 150<<10)})
		}
		b.mu.Lock()
		b.answer = nil
		b.mu.Unlock()
		time.Sleep(time.Minute)
		if n := len(b.ids("shop/q")); n < 40 || n > 60 {
			t.Errorf("got %d messages, want those of 8 MiB", n)
		}
		b.Send("shop", to("q"), event("later"), nil)
		synctest.Wait()
		if got := b.ids("shop/q"); got[len(got)-1] != "later" {
			t.Errorf("got %v, want what comes later", got)
		}
		b.stop()
		if n := strings.Count(b.log.String(), "left out"); n != 1 {
			t.Errorf("told %d times, want once: %s", n, b.log)
		}
	})
}

// What is left when Stoker stops is sent before it does.
func TestStop(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := open(t, nil)
		ids := b.send(100, "q")
		b.stop()
		b.want(t, "shop/q", ids...)
	})
}

// Alarms post what they tell.
func TestPost(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := open(t, nil)
		if err := b.Post("shop", to("q"), "a1", map[string]any{"id": "told"}); err != nil {
			t.Fatal(err)
		}
		b.stop()
		b.want(t, "shop/q", "told")
	})
}

func TestCheck(t *testing.T) {
	s := zaqar.New(zaqar.Config{Allow: func(p stoker.ProjectID) error {
		if p != "shop" {
			return stoker.Errorf(stoker.Forbidden, "not yours")
		}
		return nil
	}})
	for _, tt := range []struct {
		project stoker.ProjectID
		queue   string
		words   string // empty: it is well
	}{
		{"shop", "my-Queue_1.x", ""}, {"shop", strings.Repeat("q", 64), ""},
		{"shop", "", "no name"}, {"shop", "a b", "no name"}, {"shop", "../x", "no name"}, {"shop", strings.Repeat("q", 65), "no name"},
		{"lab", "q", "not yours"},
	} {
		err := s.Check(tt.project, to(tt.queue))
		if (err == nil) != (tt.words == "") || err != nil && !strings.Contains(err.Error(), tt.words) {
			t.Errorf("%s, %q: got %v, want %q", tt.project, tt.queue, err, tt.words)
		}
	}
}
