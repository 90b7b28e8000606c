package haproxy_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/balancertest"
	"github.com/stoker-project/stoker/balancer/haproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// needHAProxy skips where there is none.
func needHAProxy(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("haproxy is not installed")
	}
}

// open makes a balancer in a directory. What runs there ends with the test.
func open(t *testing.T, c haproxy.Config) *haproxy.Balancer {
	t.Helper()
	needHAProxy(t)
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	if c.Grace == 0 {
		c.Grace = 50 * time.Millisecond
	}
	if testing.Verbose() {
		c.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	b, err := haproxy.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, c, b) })
	return b
}

// shutdown ends the balancer and the HAProxy in its directory.
func shutdown(t *testing.T, c haproxy.Config, b *haproxy.Balancer) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := b.Shutdown(ctx); err != nil && !strings.Contains(err.Error(), "closed") {
		t.Errorf("Shutdown: %v", err)
	}
	b.Close()
	if t.Failed() && testing.Verbose() {
		text, _ := os.ReadFile(c.Dir + "/haproxy.cfg")
		t.Logf("%s", text)
	}
}

func TestConformance(t *testing.T) {
	balancertest.Run(t, func(t *testing.T) stoker.Balancer { return open(t, haproxy.Config{}) })
}
