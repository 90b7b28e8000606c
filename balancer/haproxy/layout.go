package haproxy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

// Files in Dir. Those that HAProxy opens are named relative to it, because a
// unix socket's path must be short.
const (
	configFile   = "haproxy.cfg"
	waitFile     = "wait.lua"
	workerSocket = "worker.sock"
	masterSocket = "master.sock"
)

// A day's silence is no reason to end a stream: this is HAProxy's longest time.
const forever = 24 * 24 * time.Hour

// settings are what a configuration is made of besides pools.
type settings struct {
	Config
	build
	secret string
}

// render writes HAProxy's configuration. The layout is the same text without
// the servers: as long as it stays, HAProxy need not be loaded anew.
func render(s settings, pools map[stoker.PoolID]*pool) (text, layout string) {
	var w, only strings.Builder
	head(&w, s)
	stats(&w, s)
	only.WriteString(w.String())
	for _, id := range slices.Sorted(maps.Keys(pools)) {
		p := pools[id]
		section := frontends(p, pools) + backend(s, p)
		w.WriteString(section)
		only.WriteString(section)
		for _, m := range slices.Sorted(maps.Keys(p.members)) {
			w.WriteString(serverLine(s, p, p.members[m]))
		}
	}
	return w.String(), only.String()
}

func head(w *strings.Builder, s settings) {
	fmt.Fprintf(w, `# Written by Stoker, and written anew with each change: edits are lost.
global
  stats socket unix@%s mode 600 level admin expose-fd listeners
  noreuseport
  ssl-default-bind-options ssl-min-ver TLSv1.2
`, workerSocket)
	if s.lua {
		fmt.Fprintf(w, "  lua-load %s\n", waitFile)
	}
	lines(w, s.Global)
	fmt.Fprintf(w, `
defaults
  option redispatch 1
  option abortonclose
  option idle-close-on-response
  option clitcpka
  option srvtcpka
  http-reuse safe
  timeout client %s
  timeout tunnel %[1]s
  timeout http-request 10s
  timeout http-keep-alive %s
`, ms(forever), ms(s.IdleTimeout))
	lines(w, s.Defaults)
}

func lines(w *strings.Builder, more []string) {
	for _, line := range more {
		fmt.Fprintf(w, "  %s\n", line)
	}
}

func stats(w *strings.Builder, s settings) {
	if s.Stats == "" {
		return
	}
	fmt.Fprintf(w, "\nfrontend stoker-stats\n  mode http\n  bind %s\n  stats enable\n  stats uri /\n  stats refresh 2s\n", s.Stats)
	if s.metrics {
		w.WriteString("  http-request use-service prometheus-exporter if { path /metrics }\n")
	}
}

func frontends(p *pool, pools map[stoker.PoolID]*pool) string {
	var w strings.Builder
	for i, l := range p.want.Listeners {
		at := hostPort(l)
		rules, choices := policies(l, pools)
		fmt.Fprintf(&w, "\nfrontend %s\n  mode %s\n  bind %s", frontendName(p, l), mode(p.want), at)
		switch l.Protocol {
		case stoker.ProtocolHTTPS:
			fmt.Fprintf(&w, " ssl crt %s alpn h2,http/1.1", p.certs[i])
			fallthrough
		case stoker.ProtocolHTTP:
			fmt.Fprintf(&w, "\n%s%s", rules, forwarded(l.Protocol)) // rules look at what the client sent
		default:
			w.WriteString("\n")
		}
		fmt.Fprintf(&w, "%s  default_backend %s\n", choices, p.backend)
	}
	return w.String()
}

func forwarded(proto stoker.Protocol) string {
	return fmt.Sprintf(`  option forwardfor
  http-request del-header Forwarded
  http-request set-header X-Forwarded-Proto %s
  http-request set-header X-Forwarded-Host %%[req.hdr(host)]
`, proto)
}

func backend(s settings, p *pool) string {
	var w strings.Builder
	want := p.want
	line := func(format string, args ...any) { fmt.Fprintf(&w, "  "+format+"\n", args...) }
	fmt.Fprintf(&w, "\nbackend %s\n", p.backend)
	line("mode %s", mode(want))
	line("balance %s", want.Algorithm)
	line("timeout connect %s", ms(want.ConnectTimeout))
	line("timeout server %s", ms(answerTime(want)))
	line("timeout check %s", ms(want.Health.Timeout))
	line("retries %d", want.Retries)
	if mode(want) == "http" {
		retries(line, want)
		sticky(line, s, want)
	}
	if s.lua && want.QueueTimeout > 0 {
		rule := map[string]string{"http": "http-request", "tcp": "tcp-request content"}[mode(want)]
		line("%s lua.stoker_wait %d if { nbsrv eq 0 }", rule, want.QueueTimeout.Milliseconds())
	}
	check(line, want.Health)
	return w.String()
}

// answerTime is how long a server may be silent: HAProxy has no other bound for
// the time until the answer begins. A TCP connection may be silent for ever.
func answerTime(p stoker.Pool) time.Duration {
	if p.ResponseTimeout == 0 || mode(p) == "tcp" {
		return forever
	}
	return p.ResponseTimeout
}

// retries lets HAProxy ask another server also when a kept connection was
// closed under an idempotent request; what else was sent is never sent twice.
func retries(line func(string, ...any), p stoker.Pool) {
	if p.Retries == 0 {
		return
	}
	line("retry-on conn-failure empty-response")
	line("http-request disable-l7-retry unless { method GET HEAD OPTIONS TRACE PUT DELETE }")
}

func sticky(line func(string, ...any), s settings, p stoker.Pool) {
	if p.StickyCookie == "" {
		return
	}
	line("cookie %s insert indirect nocache dynamic httponly", p.StickyCookie)
	line("dynamic-cookie-key %s", s.secret)
}

func check(line func(string, ...any), h stoker.HealthCheck) {
	if h.Protocol != stoker.ProtocolHTTP {
		return
	}
	line("option httpchk")
	line("http-check send meth GET uri %s ver HTTP/1.1 hdr Host %s hdr User-Agent %s", h.Path, checkHost, checkAgent)
	accept := "200-399"
	if len(h.Status) > 0 {
		var words []string
		for _, s := range h.Status {
			words = append(words, strconv.Itoa(s))
		}
		accept = strings.Join(words, ",")
	}
	line("http-check expect status %s", accept)
}

// serverLine is the member as HAProxy finds it at its next start. One that has
// never been up or leaves is not there; one that is down waits for our word.
func serverLine(s settings, p *pool, m *member) string {
	if m.phase == leaving || !m.wasUp || m.address == "" {
		return ""
	}
	line := fmt.Sprintf("  server %s %s %s", m.server(), m.address, serverArgs(s.Config, p.want, m.want))
	if m.state != stoker.MemberUp {
		line += " disabled"
	}
	return line + "\n"
}

// serverArgs are the same in the file and in "add server".
func serverArgs(c Config, p stoker.Pool, m stoker.Member) string {
	args := fmt.Sprintf("weight %d", m.Weight)
	if c.Ramp > 0 {
		args += " slowstart " + ms(c.Ramp)
	}
	if p.Health.Protocol == "" {
		return args
	}
	h := p.Health
	return args + fmt.Sprintf(" check inter %s rise %d fall %d observe layer4 error-limit %d on-error mark-down",
		ms(h.Interval), h.Rise, h.Fall, h.Fall)
}

// ms is a time as HAProxy takes it, at least a millisecond.
func ms(d time.Duration) string { return strconv.FormatInt(max(1, d.Milliseconds()), 10) + "ms" }

// waitScript lets requests wait while no server of their backend is up.
const waitScript = `-- Written by Stoker: requests wait while no server is up.
core.register_action("stoker_wait", { "http-req", "tcp-req" }, function(txn, limit)
  local left = tonumber(limit)
  while left > 0 and txn.f:nbsrv() == 0 do
    core.msleep(10)
    left = left - 10
  end
end, 1)
`
