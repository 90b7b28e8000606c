package app

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
	promql "github.com/stoker-project/stoker/metric/prometheus"
)

// PrometheusConfig is the Prometheus that alarms and scalers ask. Its series are of
// everybody, so a project asks it only where that is allowed.
type PrometheusConfig struct {
	PrometheusServer `yaml:",inline"`
	// Interval is how often an alarm asks.
	Interval time.Duration `yaml:"interval"`
	// Projects may ask, by their IDs; "*" is every other one. A server of a project's own
	// takes the place of the common one.
	Projects map[string]PrometheusServer `yaml:"projects"`
}

// PrometheusServer is one that is asked; see package metric/prometheus.
type PrometheusServer struct {
	URL      string `yaml:"url"`
	Username string `yaml:"username"`
	Password string `yaml:"password"`
}

// everyProject stands for those that have no entry of their own.
const everyProject = "*"

// servers gives the server of each project that may ask.
func (c PrometheusConfig) servers() map[string]PrometheusServer {
	out := map[string]PrometheusServer{}
	for name, s := range c.Projects {
		if s == (PrometheusServer{}) {
			s = c.PrometheusServer
		}
		out[name] = s
	}
	return out
}

func (c PrometheusConfig) validate() error {
	if c.Interval < time.Second {
		return fault("prometheus.interval", "Give 15s.", "%s is less than a second", c.Interval)
	}
	if c.PrometheusServer != (PrometheusServer{}) {
		if err := c.PrometheusServer.validate("prometheus"); err != nil {
			return err
		}
	}
	servers := c.servers()
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		if err := servers[name].validate("prometheus.projects." + name); err != nil {
			return err
		}
	}
	return nil
}

func (s PrometheusServer) validate(path string) error {
	_, err := promql.New(promql.Config(s))
	if e, ok := stoker.AsError(err); ok {
		return fault(path+"."+e.Path, e.Hint, "%s", e.Message)
	}
	return err
}

// secret tells whether there is a password in it.
func (c PrometheusConfig) secret() bool {
	has := func(s PrometheusServer) bool { return s.Password != "" }
	return has(c.PrometheusServer) || slices.ContainsFunc(slices.Collect(maps.Values(c.Projects)), has)
}

// prom asks for projects. The clients are made once, and share connections.
type prom struct {
	config  PrometheusConfig
	clients map[string]*promql.Client
}

func newProm(c PrometheusConfig) (*prom, error) {
	p := &prom{config: c, clients: map[string]*promql.Client{}}
	for name, s := range c.servers() {
		client, err := promql.New(promql.Config(s))
		if err != nil {
			return nil, err
		}
		p.clients[name] = client
	}
	return p, nil
}

// client is the one of a project.
func (p *prom) client(project stoker.ProjectID) (*promql.Client, error) {
	c := p.clients[string(project)]
	if c == nil {
		c = p.clients[everyProject]
	}
	switch {
	case c != nil:
		return c, nil
	case p.config.URL == "" && len(p.config.Projects) == 0:
		return nil, &stoker.Error{Kind: stoker.Invalid, Message: "no Prometheus is configured to ask",
			Hint: "It is prometheus: {url: ..., projects: {...}} in the configuration of Stoker."}
	}
	return nil, &stoker.Error{Kind: stoker.Forbidden, Message: fmt.Sprintf("project %q may not ask Prometheus, which has the series of all", project),
		Hint: "The configuration of Stoker allows it under prometheus.projects."}
}

// interval is alarm.Deps.Prometheus.
func (p *prom) interval(project stoker.ProjectID) (time.Duration, error) {
	_, err := p.client(project)
	return p.config.Interval, err
}

// source makes the source of a signal, for those who may ask.
func (p *prom) source(policy stoker.Policy, s stoker.SignalSpec) (stoker.SignalSource, error) {
	c, err := p.client(policy.Project)
	if err != nil {
		return nil, err
	}
	return c.Source(s)
}
