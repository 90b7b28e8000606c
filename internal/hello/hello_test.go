package hello_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoker-project/stoker/internal/hello"
)

// serve runs the application until stop is called, which gives Run's error.
func serve(t *testing.T, cfg hello.Config) (url string, stop func() error) {
	t.Helper()
	address := make(chan string, 1)
	cfg.Host = "127.0.0.1"
	cfg.Listening = func(a string) { address <- a }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- hello.Run(ctx, cfg) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { stop() })
	select {
	case a := <-address:
		return "http://" + a, stop
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	panic("unreachable")
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func TestHello(t *testing.T) {
	url, _ := serve(t, hello.Config{Name: `web "1"`, Message: "Good day"})
	for i := 1; i <= 2; i++ {
		status, body := get(t, url)
		var got struct {
			Host, Message string
			Served        int
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		if status != 200 || got.Host != `web "1"` || got.Message != "Good day" || got.Served != i {
			t.Errorf("got %d %+v", status, got)
		}
	}
	if status, _ := get(t, url+"/health"); status != 200 {
		t.Errorf("health: got %d, want 200", status)
	}
	if status, _ := get(t, url+"/nothing"); status != 404 {
		t.Errorf("unknown path: got %d, want 404", status)
	}
}

// Two workers and a cost of 20 ms serve ten requests in no less than 100 ms; with
// ten workers they would need 20.
func TestCapacity(t *testing.T) {
	for _, burn := range []bool{false, true} {
		url, _ := serve(t, hello.Config{Cost: 20 * time.Millisecond, Workers: 2, Burn: burn})
		start := time.Now()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if r, err := http.Get(url); err != nil {
					t.Error(err)
				} else {
					r.Body.Close()
				}
			})
		}
		wg.Wait()
		if got := time.Since(start); got < 100*time.Millisecond {
			t.Errorf("burn %v: ten requests took %v, want at least 100ms", burn, got)
		}
	}
}

func TestStream(t *testing.T) {
	url, _ := serve(t, hello.Config{Name: "web", Message: "Hi"})
	if _, got := get(t, url+"/stream?n=3&every=1ms"); got != "1 web Hi\n2 web Hi\n3 web Hi\n" {
		t.Errorf("got %q", got)
	}
	for _, query := range []string{"n=0", "n=x", "every=-1s", "every=soon"} {
		if status, _ := get(t, url+"/stream?"+query); status != 400 {
			t.Errorf("%s: got %d, want 400", query, status)
		}
	}
}

func TestLeavingFinishesWhatIsInFlight(t *testing.T) {
	url, stop := serve(t, hello.Config{Linger: 300 * time.Millisecond})
	r, err := http.Get(url + "/stream?n=8&every=100ms")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	lines := bufio.NewReader(r.Body)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for deadline := time.Now().Add(5 * time.Second); ; {
		if status, _ := get(t, url+"/health"); status == http.StatusServiceUnavailable {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("health does not say that it is leaving")
		}
	}
	rest, err := io.ReadAll(lines)
	if n := strings.Count(string(rest), "\n"); err != nil || n != 7 {
		t.Errorf("got %d more lines, error %v, want 7", n, err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(url); err == nil {
		t.Error("it still listens")
	}
}

func TestLeavingBreaksOffAfterTheGrace(t *testing.T) {
	url, stop := serve(t, hello.Config{Grace: 20 * time.Millisecond})
	r, err := http.Get(url + "/stream?n=1000&every=1s")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if err := stop(); err == nil {
		t.Error("got no error although a request was broken off")
	}
}

func TestBoot(t *testing.T) {
	start := time.Now()
	serve(t, hello.Config{Boot: 50 * time.Millisecond})
	if got := time.Since(start); got < 50*time.Millisecond {
		t.Errorf("it listened after %v, want at least 50ms", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := hello.Run(ctx, hello.Config{Boot: time.Hour}); err != nil {
		t.Errorf("stopped while booting: got %v, want nil", err)
	}
}

func TestPortTaken(t *testing.T) {
	url, _ := serve(t, hello.Config{})
	_, port, _ := strings.Cut(strings.TrimPrefix(url, "http://"), ":")
	var number int
	if err := json.Unmarshal([]byte(port), &number); err != nil {
		t.Fatal(err)
	}
	if err := hello.Run(t.Context(), hello.Config{Host: "127.0.0.1", Port: number}); err == nil {
		t.Error("got no error")
	}
}
