package app

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/goccy/go-yaml"

	"github.com/stoker-project/stoker"
	heatapi "github.com/stoker-project/stoker/api/heat"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/sshkey"
	"github.com/stoker-project/stoker/internal/typepolicy"
	"github.com/stoker-project/stoker/stack"
)

// Config is everything that can be set. Its YAML form is the configuration file
// (docs/configuration.md); unknown keys in it are refused.
type Config struct {
	// Listen is the address of the API, host:port. Port 0 chooses a free one.
	Listen string `yaml:"listen"`
	// PublicURL is how others reach the API: signal URLs begin with it. Default:
	// http:// and the address listened on.
	PublicURL string `yaml:"public_url"`
	// Data is the directory of everything that is kept. It is made if it is not there.
	Data string `yaml:"data"`

	// Token is the one token of the API; it may do everything.
	Token string `yaml:"token"`
	// TokensFile names a file of tokens and their projects, instead of Token.
	// Without either, a token is made and kept in the data directory.
	TokensFile string `yaml:"tokens_file"`
	// Project is the project of Token, or of the one that is made.
	Project string `yaml:"project"`

	People PeopleConfig `yaml:",inline"`

	// AllowFetch are networks that are not public, like 10.1.0.0/16, and from which
	// templates may be fetched all the same when a request names their address.
	AllowFetch []netip.Prefix `yaml:"allow_fetch"`

	Store     StoreConfig     `yaml:"store"`
	Driver    string          `yaml:"driver"` // what makes servers; empty: nothing does
	Drivers   DriversConfig   `yaml:"drivers"`
	Balancer  string          `yaml:"balancer"`
	Balancers BalancersConfig `yaml:"balancers"`
	// EnableStackAbandon and EnableStackAdopt allow what they say, as in Heat.
	EnableStackAbandon bool `yaml:"enable_stack_abandon"`
	EnableStackAdopt   bool `yaml:"enable_stack_adopt"`
	// Prometheus is who is asked by signals of that source.
	Prometheus PrometheusConfig `yaml:"prometheus"`
	// Regions are others, by their names, where OS::Heat::Stack makes stacks.
	Regions map[string]CloudConfig `yaml:"regions"`
	// Zaqar takes the events of stacks whose environments have event_sinks; without one such
	// environments are refused.
	Zaqar *CloudConfig `yaml:"zaqar"`
	// Swift has the containers that requests name in files_container; without one such
	// requests are refused.
	Swift *CloudConfig `yaml:"swift"`
	// External is the network that floating addresses come from.
	External ExternalConfig `yaml:"external"`
	// Flavors are the sizes of servers by name, beside the ones built in.
	Flavors map[string]FlavorConfig `yaml:"flavors"`
	// Keys are public keys of SSH by name, for all projects' servers.
	Keys map[string]string `yaml:"keys"`
	// ResourceTypes says who may have resources of which types, beside Heat's policy.
	ResourceTypes typepolicy.Table `yaml:"resource_types"`
	Limits        LimitsConfig     `yaml:"limits"`
	Log           LogConfig        `yaml:"log"`

	// Executable is this program, which the image "hello" runs; empty: there is
	// no such image.
	Executable string `yaml:"-"`
	// Version is shown to clients.
	Version string `yaml:"-"`
	// Logger gets what the parts have to tell; nil: silence.
	Logger *slog.Logger `yaml:"-"`
}

// StoreConfig says where records are kept.
type StoreConfig struct {
	// DSN is the path of an SQLite file or a PostgreSQL URL. Default: stoker.db
	// in the data directory.
	DSN string `yaml:"dsn"`
	// KeepDeleted is how long the records of deleted stacks are kept.
	KeepDeleted time.Duration `yaml:"keep_deleted"`
}

// DriversConfig holds the part of each driver.
type DriversConfig struct {
	Process ProcessConfig `yaml:"process"`
	Docker  DockerConfig  `yaml:"docker"`
}

// ProcessConfig is the process driver's part; see package driver/process.
type ProcessConfig struct {
	Path    string                 `yaml:"path"`
	Port    int                    `yaml:"port"`
	MaxLog  Bytes                  `yaml:"max_log"`
	Cgroups string                 `yaml:"cgroups"`
	Grace   time.Duration          `yaml:"grace"`
	Images  map[string]ImageConfig `yaml:"images"`
}

// ImageConfig is a program that templates can name as an image.
type ImageConfig struct {
	Command string            `yaml:"command"`
	Args    []string          `yaml:"args"`
	Env     map[string]string `yaml:"env"`
	Files   map[string]string `yaml:"files"`
}

// BalancersConfig holds the part of each balancer.
type BalancersConfig struct {
	Builtin BuiltinConfig `yaml:"builtin"`
	HAProxy HAProxyConfig `yaml:"haproxy"`
}

// BuiltinConfig is the built-in balancer's part; see package balancer/builtin.
type BuiltinConfig struct {
	Grace             time.Duration `yaml:"grace"`
	ReadHeaderTimeout time.Duration `yaml:"read_header_timeout"`
	IdleTimeout       time.Duration `yaml:"idle_timeout"`
	MaxHeader         Bytes         `yaml:"max_header"`
}

// ExternalConfig is the network that floating addresses come from; see package
// internal/neutron.
type ExternalConfig struct {
	Name      string `yaml:"name"`      // default public
	Addresses string `yaml:"addresses"` // default 127.0.100.0/24
}

// external reads the part that Validate has checked.
func (c ExternalConfig) external() neutron.External {
	out := neutron.External{Name: c.Name}
	if c.Addresses != "" {
		out.Addresses, _ = netip.ParsePrefix(c.Addresses)
	}
	return out
}

func (c ExternalConfig) validate() error {
	if strings.ContainsAny(c.Name, "/ ") {
		return fault("external.name", "", "%q is not a name for a network", c.Name)
	}
	if c.Addresses == "" {
		return nil
	}
	if p, err := netip.ParsePrefix(c.Addresses); err != nil || !p.Addr().Is4() {
		return fault("external.addresses", "Give a range of IPv4 addresses of this machine, like 127.0.100.0/24.", "%q is no range of IPv4 addresses", c.Addresses)
	}
	return nil
}

// FlavorConfig is the size of a server. What is not given is not limited.
type FlavorConfig struct {
	CPUs   float64 `yaml:"cpus"`
	Memory Bytes   `yaml:"memory"`
	Disk   Bytes   `yaml:"disk"`
}

// LimitsConfig bounds what one template can ask for; see stack.Limits.
type LimitsConfig struct {
	Resources int           `yaml:"resources"`
	Depth     int           `yaml:"depth"`
	Stacks    int           `yaml:"stacks"`
	Workers   int           `yaml:"workers"`
	Timeout   time.Duration `yaml:"timeout"`
	Retries   int           `yaml:"retries"`
	Snapshots int           `yaml:"snapshots"`

	Events              int `yaml:"events"`
	EventPurgeBatch     int `yaml:"event_purge_batch"`
	SoftwareConfigs     int `yaml:"software_configs"`
	SoftwareDeployments int `yaml:"software_deployments"`
}

func (l LimitsConfig) limits() stack.Limits {
	return stack.Limits{Resources: l.Resources, Depth: l.Depth, Stacks: l.Stacks, Workers: l.Workers, Timeout: l.Timeout, Retries: l.Retries, Snapshots: l.Snapshots, Uncounted: heatapi.CarrierTag}
}

// LogConfig says what is logged, and how.
type LogConfig struct {
	Level  string `yaml:"level"`  // debug, info, warn, error
	Format string `yaml:"format"` // text, json
}

// Bytes is a number of bytes, in YAML a number or a text like 512MiB.
type Bytes int64

// UnmarshalYAML fulfils yaml.BytesUnmarshaler.
func (b *Bytes) UnmarshalYAML(text []byte) error {
	n, err := humanize.ParseBytes(strings.Trim(strings.TrimSpace(string(text)), `"'`))
	if err != nil || n > 1<<62 {
		return fmt.Errorf("%s is not a number of bytes, like 512MiB", strings.TrimSpace(string(text)))
	}
	*b = Bytes(n)
	return nil
}

// Default is the configuration of a server that nobody has configured: on
// loopback, with an embedded store and balancer, and no driver. Data is left to
// the caller.
func Default() Config {
	return Config{
		Listen:     "127.0.0.1:8004",
		Project:    "default",
		Store:      StoreConfig{KeepDeleted: 24 * time.Hour},
		Balancer:   "builtin",
		Log:        LogConfig{Level: "info", Format: "text"},
		Prometheus: PrometheusConfig{Interval: 15 * time.Second},
	}
}

// Load reads a configuration file over the given configuration.
func Load(path string, over Config) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return over, &stoker.Error{Kind: stoker.Invalid, Message: "read configuration", Err: err}
	}
	err = yaml.UnmarshalWithOptions(text, &over, yaml.Strict())
	if err == nil {
		if err := over.Drivers.Docker.beside(path); err != nil {
			return over, err
		}
		return over, over.private(path)
	}
	e := &stoker.Error{Kind: stoker.Invalid, Pos: stoker.Pos{File: path}, Message: err.Error(),
		Hint: "docs/configuration.md lists the keys."}
	var at yaml.Error
	if errors.As(err, &at) {
		e.Message = at.GetMessage()
		if tok := at.GetToken(); tok != nil && tok.Position != nil {
			e.Pos.Line, e.Pos.Column = tok.Position.Line, tok.Position.Column
		}
	}
	return over, e
}

// private refuses a file with secrets that others may read.
func (c Config) private(path string) error {
	key := ""
	switch {
	case len(c.People.Keys) > 0:
		key = "ec2_credentials"
	case c.Prometheus.secret():
		key = "prometheus"
	case secretRegions(c.Regions):
		key = "regions"
	case c.Zaqar != nil && c.Zaqar.secret():
		key = "zaqar"
	case c.Swift != nil && c.Swift.secret():
		key = "swift"
	default:
		return nil
	}
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = &stoker.Error{Kind: stoker.Invalid, Pos: stoker.Pos{File: path}, Path: key,
			Message: fmt.Sprintf("the file has secrets in it, and can be read by others (mode %04o)", info.Mode().Perm()),
			Hint:    "Run: chmod 600 " + path}
	}
	return err
}

// Validate tells what is wrong with a configuration. The path is the key's.
func (c Config) Validate() error {
	if c.Data == "" {
		return fault("data", "Give a directory.", "no directory is given")
	}
	if c.Token != "" && c.TokensFile != "" {
		return fault("tokens_file", "Leave one of them out.", "token is given too")
	}
	if c.Token != "" && len(c.Token) < 16 {
		return fault("token", "Give a longer one, like the output of: openssl rand -hex 32.", "it is shorter than 16 characters")
	}
	if c.Project == "" || strings.ContainsAny(c.Project, "/ ") {
		return fault("project", "", "%q is not a name for a project", c.Project)
	}
	if err := c.validateListen(); err != nil {
		return err
	}
	if err := c.People.validate(); err != nil {
		return err
	}
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return fault("public_url", "It looks like http://stoker.example.org:8004.", "%q is not an address", c.PublicURL)
	}
	if err := c.ResourceTypes.Check(); err != nil {
		at, _ := stoker.AsError(err)
		return fault("resource_types", at.Hint, "%s", at.Message)
	}
	return c.validateParts()
}

func (c Config) validateListen() error {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fault("listen", "Give host:port, like 127.0.0.1:8004.", "%q is not an address to listen on", c.Listen)
	}
	if n, err := net.LookupPort("tcp", port); err != nil || n < 0 {
		return fault("listen", "", "%q is not a port", port)
	}
	if c.People.NoAuth && !loopback(host) {
		return fault("no_auth", "Listen on 127.0.0.1.", "%s can be reached from other machines", c.Listen)
	}
	if c.Token == "" && c.TokensFile == "" && !c.People.any() && !loopback(host) {
		return fault("listen", "Give a token, a tokens_file or users, or listen on 127.0.0.1.",
			"%s can be reached from other machines, and no authentication is configured", c.Listen)
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (c Config) validateParts() error {
	if _, ok := drivers()[c.Driver]; !ok {
		return fault("driver", "Drivers are: "+names(drivers())+".", "there is no driver %q", c.Driver)
	}
	if _, ok := balancers()[c.Balancer]; !ok {
		return fault("balancer", "Balancers are: "+names(balancers())+".", "there is no balancer %q", c.Balancer)
	}
	if g := c.Drivers.Docker.Guest; g != "" && g != guestAuto && g != guestNever {
		return fault("drivers.docker.guest", "", "%q is neither %s nor %s", g, guestAuto, guestNever)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Flavors)) {
		if f := c.Flavors[name]; f.CPUs < 0 {
			return fault("flavors."+name+".cpus", "", "%g is less than nothing", f.CPUs)
		}
	}
	if err := c.External.validate(); err != nil {
		return err
	}
	if err := c.Prometheus.validate(); err != nil {
		return err
	}
	if err := validateRegions(cmp.Or(c.People.Identity.Region, defaultRegion), c.Regions); err != nil {
		return err
	}
	if c.Zaqar != nil {
		if err := c.Zaqar.validate("zaqar", "Zaqar", false, "send events there"); err != nil {
			return err
		}
	}
	if c.Swift != nil {
		if err := c.Swift.validate("swift", "Swift", true, "have files there"); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Keys)) {
		if _, err := sshkey.Parse(c.Keys[name]); err != nil {
			return fault("keys."+name, "Give one line, as in a file that ends in .pub.", "%v", err)
		}
	}
	if c.Store.KeepDeleted < 0 {
		return fault("store.keep_deleted", "", "%s is less than nothing", c.Store.KeepDeleted)
	}
	l := c.Limits
	for name, n := range map[string]int{"resources": l.Resources, "depth": l.Depth, "stacks": l.Stacks, "workers": l.Workers, "timeout": int(l.Timeout), "event_purge_batch": l.EventPurgeBatch} {
		if n < 0 {
			return fault("limits."+name, "", "it is less than nothing")
		}
	}
	if _, err := level(c.Log.Level); err != nil {
		return fault("log.level", "Levels are debug, info, warn and error.", "there is no level %q", c.Log.Level)
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		return fault("log.format", "Formats are text and json.", "there is no format %q", c.Log.Format)
	}
	return nil
}

func level(name string) (l slog.Level, err error) {
	err = l.UnmarshalText([]byte(name))
	return l, err
}

func names[V any](m map[string]V) string {
	var out []string
	for name := range m {
		if name != "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func fault(path, hint, format string, args ...any) error {
	return &stoker.Error{Kind: stoker.Invalid, Path: path, Message: fmt.Sprintf(format, args...), Hint: hint}
}
