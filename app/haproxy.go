package app

import (
	"context"
	"path/filepath"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/haproxy"
)

// HAProxyConfig is the part of the balancer haproxy; see package balancer/haproxy.
type HAProxyConfig struct {
	Binary      string        `yaml:"binary"`
	Attach      AttachConfig  `yaml:"attach"`
	Global      []string      `yaml:"global"`
	Defaults    []string      `yaml:"defaults"`
	Stats       string        `yaml:"stats"`
	Ramp        time.Duration `yaml:"ramp"`
	IdleTimeout time.Duration `yaml:"idle_timeout"`
	Grace       time.Duration `yaml:"grace"`
	Sample      time.Duration `yaml:"sample"`
}

// AttachConfig names an HAProxy that others run.
type AttachConfig struct {
	Socket  string `yaml:"socket"`
	Backend string `yaml:"backend"`
}

func openHAProxy(c Config) (opened[stoker.Balancer], error) {
	h := c.Balancers.HAProxy
	bal, err := haproxy.New(haproxy.Config{
		Dir: filepath.Join(c.Data, "haproxy"), Binary: h.Binary,
		Attach: haproxy.Attach{Socket: h.Attach.Socket, Backend: h.Attach.Backend},
		Global: h.Global, Defaults: h.Defaults, Stats: h.Stats, Ramp: h.Ramp,
		IdleTimeout: h.IdleTimeout, Grace: h.Grace, Sample: h.Sample, Logger: c.Logger,
	})
	if err != nil {
		return opened[stoker.Balancer]{}, err
	}
	return opened[stoker.Balancer]{
		part: bal, collector: bal.Collector(),
		close: func(context.Context) error { bal.Close(); return nil },
	}, nil
}
