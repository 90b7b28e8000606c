package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/internal/typepolicy"
)

func load(t *testing.T, text string) (app.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stoker.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return app.Load(path, app.Default())
}

func TestLoad(t *testing.T) {
	c, err := load(t, `
listen: 127.0.0.1:1234
data: /var/lib/stoker
driver: process
drivers:
  process:
    max_log: 5MiB
    grace: 3s
    images:
      web: {command: ./run.sh, args: [-p, $PORT], files: {run.sh: "#!/bin/sh\n"}}
store: {keep_deleted: 720h}
flavors:
  tiny: {cpus: 0.5, memory: 64MiB}
limits: {timeout: 90m}
log: {level: debug}
`)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	for what, ok := range map[string]bool{
		"listen": c.Listen == "127.0.0.1:1234", "max_log": c.Drivers.Process.MaxLog == 5<<20, "grace": c.Drivers.Process.Grace == 3*time.Second,
		"image": c.Drivers.Process.Images["web"].Args[1] == "$PORT", "keep_deleted": c.Store.KeepDeleted == 720*time.Hour,
		"flavor": c.Flavors["tiny"] == app.FlavorConfig{CPUs: 0.5, Memory: 64 << 20}, "timeout": c.Limits.Timeout == 90*time.Minute,
		"a default that stays": c.Balancer == "builtin", "log.format stays": c.Log.Format == "text",
	} {
		if !ok {
			t.Errorf("%s was not read: %+v", what, c)
		}
	}
}

func TestLoadTellsThePlace(t *testing.T) {
	for text, want := range map[string]string{
		"listen: 127.0.0.1:1\nlisten_on: x\n":    "stoker.yaml:2:1: unknown field \"listen_on\"",
		"drivers:\n  process:\n    imagse: {}\n": "stoker.yaml:3:5: unknown field \"imagse\"",
		"limits: {depth: deep}\n":                "stoker.yaml:1:17",
		"flavors: {a: {memory: lots}}\n":         "lots is not a number of bytes",
		"a: [\n":                                 "stoker.yaml:1",
		"store: {keep_deleted: soon}\n":          `invalid duration "soon"`,
	} {
		_, err := load(t, text)
		if err == nil {
			t.Errorf("%q: it is accepted", text)
			continue
		}
		if !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, want something with %q", text, err, want)
		}
	}
}

func TestValidateNamesTheKey(t *testing.T) {
	for _, tt := range []struct {
		key   string
		spoil func(*app.Config)
	}{
		{"data", func(c *app.Config) { c.Data = "" }},
		{"listen", func(c *app.Config) { c.Listen = "nowhere" }},
		{"listen", func(c *app.Config) { c.Listen = "127.0.0.1:many" }},
		{"listen", func(c *app.Config) { c.Listen = ":8004" }},
		{"listen", func(c *app.Config) { c.Listen = "192.0.2.1:8004" }},
		{"listen", func(c *app.Config) { c.Listen = "[::]:8004" }},
		{"token", func(c *app.Config) { c.Token = "short" }},
		{"tokens_file", func(c *app.Config) { c.Token, c.TokensFile = "0123456789abcdef", "x" }},
		{"public_url", func(c *app.Config) { c.PublicURL = "stoker" }},
		{"project", func(c *app.Config) { c.Project = "a/b" }},
		{"driver", func(c *app.Config) { c.Driver = "magic" }},
		{"balancer", func(c *app.Config) { c.Balancer = "" }},
		{"flavors.a.cpus", func(c *app.Config) { c.Flavors = map[string]app.FlavorConfig{"a": {CPUs: -1}} }},
		{"external.addresses", func(c *app.Config) { c.External.Addresses = "127.0.100.1" }},
		{"external.addresses", func(c *app.Config) { c.External.Addresses = "fd00::/64" }},
		{"external.name", func(c *app.Config) { c.External.Name = "a b" }},
		{"prometheus.url", func(c *app.Config) { c.Prometheus.URL = "localhost:9090" }},
		{"prometheus.interval", func(c *app.Config) { c.Prometheus.Interval = 0 }},
		{"prometheus.projects.shop.url", func(c *app.Config) { c.Prometheus.Projects = map[string]app.PrometheusServer{"shop": {}} }},
		{"keys.alice", func(c *app.Config) { c.Keys = map[string]string{"alice": "secret"} }},
		{"store.keep_deleted", func(c *app.Config) { c.Store.KeepDeleted = -1 }},
		{"resource_types", func(c *app.Config) { c.ResourceTypes = typepolicy.Table{"OS::Nova::Flavor": "me"} }},
		{"limits.workers", func(c *app.Config) { c.Limits.Workers = -1 }},
		{"log.level", func(c *app.Config) { c.Log.Level = "loud" }},
		{"log.format", func(c *app.Config) { c.Log.Format = "xml" }},
	} {
		c := app.Default()
		c.Data = "/tmp/x"
		tt.spoil(&c)
		err := c.Validate()
		if e, ok := stoker.AsError(err); !ok || e.Kind != stoker.Invalid || e.Path != tt.key {
			t.Errorf("%s: got %v", tt.key, err)
		}
	}
	c := app.Default()
	c.Data = "/tmp/x"
	for _, listen := range []string{"127.0.0.1:0", "localhost:8004", "[::1]:8004", "127.8.9.10:1"} {
		c.Listen = listen
		if err := c.Validate(); err != nil {
			t.Errorf("listen on %s: %v", listen, err)
		}
	}
}
