package docker

import (
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/netns"
)

// Config is what a Driver needs to know. Only Dir must be set.
type Config struct {
	// Dir is where the driver keeps its installation's name and the files that are
	// mounted into servers. It is made if it is not there.
	Dir string
	// Socket is the path of the daemon's socket; default DefaultSocket.
	Socket string
	// Images are the names that templates can use beside those of Docker.
	Images map[string]Image
	// OnlyListed refuses every image that is not in Images.
	OnlyListed bool
	// Pull says when an image that Docker does not have is fetched from its
	// registry: PullMissing (default) or PullNever.
	Pull string
	// Network is the Docker network that servers join; default is one of the
	// installation's own, which is removed in Close when it has no servers. It is
	// made if there is none of that name.
	Network string
	// Subnet is that of the network where it is made, 10.1.0.0/20 or the like;
	// default: one that is free.
	Subnet string
	// Port is where servers listen whose spec has no port; default 8080.
	Port int
	// MaxLog bounds what is kept of one server's output, in bytes; default 10 MiB.
	MaxLog int64
	// Guest is the program that runs the user data of servers, as "PROGRAM guest": Stoker
	// itself, statically linked. Empty: user data is not run.
	Guest string
	// Inside is what every server finds inside of itself; it needs root.
	Inside []Inside
	// Logger may be nil.
	Logger *slog.Logger
}

// DefaultSocket is where Docker listens.
const DefaultSocket = "/var/run/docker.sock"

// When images are pulled.
const (
	PullMissing = "missing"
	PullNever   = "never"
)

// Image is an image under a name. One of Image, Build, Import and Program says
// where it comes from; the rest changes what the image itself says.
type Image struct {
	// Image is a name of Docker's: nginx:1.27, registry.example.org/web:3.
	Image string
	// Build is a folder with a Dockerfile. It is built at its first use in each run of
	// Stoker, with Docker's cache. Nothing outside the folder is read.
	Build string
	// Dockerfile names another file in the folder.
	Dockerfile string
	// Import is a tar file of a root file system. Without a Command, the guest starts its
	// init or its services.
	Import string
	// Program is a statically linked program, which becomes an image of its own
	// and runs as user 65534; Command is its arguments.
	Program string

	Entrypoint []string
	Command    []string
	User       string
	// Env is added to the server's environment; metadata of the same name wins.
	Env map[string]string
	// Volumes are mounted into every server: /host/folder:/path or name:/path, with
	// :ro for reading only.
	Volumes []string
}

// complete gives the configuration with its defaults, or says what is wrong.
func (c Config) complete() (Config, error) {
	if c.Dir == "" {
		return c, wrong("no directory is configured")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return c, fmt.Errorf("docker driver: %w", err)
	}
	c.Dir = dir
	if c.Socket == "" {
		c.Socket = DefaultSocket
	}
	c.Socket = strings.TrimPrefix(c.Socket, "unix://")
	if !filepath.IsAbs(c.Socket) {
		return c, wrong("socket %q is not the path of a socket: the daemon must be on this machine", c.Socket)
	}
	if c.Pull == "" {
		c.Pull = PullMissing
	}
	if c.Pull != PullMissing && c.Pull != PullNever {
		return c, wrong("pull %q is neither %s nor %s", c.Pull, PullMissing, PullNever)
	}
	if c.Port == 0 {
		c.Port = 8080
	}
	if c.Port < 1 || c.Port > 65535 {
		return c, wrong("port %d is not between 1 and 65535", c.Port)
	}
	if c.Subnet != "" {
		if p, err := netip.ParsePrefix(c.Subnet); err != nil || !p.Addr().Is4() || p != p.Masked() || p.Bits() > 29 {
			return c, wrong("subnet %q is not one like 10.1.0.0/20", c.Subnet)
		}
	}
	if c.MaxLog <= 0 {
		c.MaxLog = 10 << 20
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Guest != "" {
		if err := checkStatic(c.Guest); err != nil {
			c.Logger.Warn("user data of servers is not run: Stoker must be statically linked for that", "err", err)
			c.Guest = ""
		}
	}
	if len(c.Inside) > 0 && !netns.Able() {
		c.Logger.Warn("servers have no metadata service: Stoker is not root and may not enter their networks")
		c.Inside = nil
	}
	return c, c.checkImages()
}

func (c Config) checkImages() error {
	for _, name := range slices.Sorted(maps.Keys(c.Images)) {
		if problem := c.Images[name].check(c.Guest != ""); problem != "" {
			return wrong("image %q: %s", name, problem)
		}
	}
	return nil
}

// check says what is wrong with an image; empty: nothing. guest: there is one to run
// images that have no command.
func (i Image) check(guest bool) string {
	sources := 0
	for _, s := range []string{i.Image, i.Build, i.Import, i.Program} {
		if s != "" {
			sources++
		}
	}
	switch {
	case sources != 1:
		return "exactly one of image, build, import and program must be given"
	case i.Dockerfile != "" && (i.Build == "" || !filepath.IsLocal(i.Dockerfile)):
		return "dockerfile must name a file inside the build folder"
	case i.Import != "" && !guest && len(i.Command)+len(i.Entrypoint) == 0:
		return "an imported image needs a command"
	}
	for key := range i.Env {
		if !isEnvName(key) {
			return fmt.Sprintf("%q is not a name for an environment variable", key)
		}
	}
	for _, v := range i.Volumes {
		if !volumeForm.MatchString(v) {
			return fmt.Sprintf("volume %q is not like /host/folder:/path, name:/path or name:/path:ro", v)
		}
	}
	return ""
}

var volumeForm = regexp.MustCompile(`^(/[^:]*|[a-zA-Z0-9][a-zA-Z0-9_.-]*):/[^:]*(:r[ow])?$`)

func isEnvName(name string) bool { return envForm.MatchString(name) }

var envForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func wrong(format string, args ...any) error {
	return stoker.Errorf(stoker.Invalid, "docker driver: "+format, args...)
}
