package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// boot is how long the application itself takes from its start until it
// answers, without Stoker.
func (b *bench) boot(ctx context.Context) (time.Duration, error) {
	return median(3, func(int) (time.Duration, error) {
		address, err := freeAddress()
		if err != nil {
			return 0, err
		}
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return 0, err
		}
		cmd := exec.CommandContext(ctx, b.stoker, "hello")
		cmd.Env = []string{"HOST=" + host, "PORT=" + port, "HELLO_BOOT=100ms", "HOME=" + b.dir, "PATH=" + os.Getenv("PATH")}
		start := time.Now()
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for time.Since(start) < 10*time.Second {
			if _, err := ask(ctx, http.DefaultClient, "http://"+address+"/"); err == nil {
				return time.Since(start), nil
			}
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-tick.C:
			}
		}
		return 0, fmt.Errorf("stoker hello does not answer on %s", address)
	})
}

// ask sends one request and gives the host that answered.
func ask(ctx context.Context, c *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	res, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var answer struct{ Host string }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s", res.Status)
	}
	return answer.Host, nil
}
