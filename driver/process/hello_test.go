//go:build linux

package process_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/process"
	"github.com/stoker-project/stoker/internal/hello"
)

// envHello makes the test binary the demo application.
const envHello = "PROCESS_TEST_HELLO"

func serveHello() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	port, err := strconv.Atoi(os.Getenv("PORT"))
	if err != nil {
		return err
	}
	return hello.Run(ctx, hello.Config{Host: os.Getenv("HOST"), Port: port, Name: os.Getenv("SERVER_NAME")})
}

// Servers of one port beside each other answer, each at its own address, and
// still do after the driver was opened anew.
func TestServersAnswer(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := process.Config{Dir: t.TempDir(), Port: 18080}
	d := open(t, cfg)
	for i := range 3 {
		create(t, d, stoker.ServerSpec{Token: stoker.ServerToken(fmt.Sprint("t", i)), Name: fmt.Sprint("web-", i),
			Image: "'" + self + "'", Metadata: map[string]string{envHello: "yes"}})
	}
	for _, when := range []string{"at first", "after a restart"} {
		servers, err := d.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range servers {
			eventually(t, "an answer "+when, func() bool { return nameAt(s) == s.Name })
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d = open(t, cfg)
	}
	start := time.Now()
	if err := d.Destroy(t.Context(), "t0", 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if got := time.Since(start); got >= 5*time.Second {
		t.Errorf("destroy took %v: the server did not get SIGTERM", got)
	}
}

// nameAt asks a server for its name, empty while it does not answer.
func nameAt(s stoker.Server) string {
	r, err := http.Get("http://" + net.JoinHostPort(s.Addresses[0].IP, strconv.Itoa(s.Port)))
	if err != nil {
		return ""
	}
	defer r.Body.Close()
	var answer struct{ Host string }
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		return ""
	}
	return answer.Host
}
