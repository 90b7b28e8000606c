package process

import (
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"

	"github.com/stoker-project/stoker"
)

// Config is what a Driver needs to know. Only Dir must be set.
type Config struct {
	// Dir is where the driver keeps its servers. It is made if it is not there; one
	// driver can use it at a time.
	Dir string
	// Images are the names that templates can use beside plain command lines.
	Images map[string]Image
	// Path is where programs are looked up, and the PATH of servers; default
	// DefaultPath.
	Path string
	// Port is where servers listen whose spec has no port; default 8080.
	Port int
	// MaxLog bounds what is kept of one server's output, in bytes; default 10 MiB.
	MaxLog int64
	// Cgroups is where control groups are mounted, default /sys/fs/cgroup; "none"
	// does without them.
	Cgroups string
	// Logger may be nil.
	Logger *slog.Logger
}

// DefaultPath is the PATH of servers where the configuration has none.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Image is a program under a name.
type Image struct {
	// Command is an absolute path, a name to look up in the PATH, or a path in the
	// working directory (./run.sh).
	Command string
	// Args follow the command. $NAME and ${NAME} stand for variables of the
	// server's environment, $$ for a dollar sign.
	Args []string
	// Env is added to the server's environment; metadata of the same name wins.
	Env map[string]string
	// Files are put into the working directory, content by path. Those that begin
	// with #! can be executed.
	Files map[string]string
}

// complete gives the configuration with its defaults, or says what is wrong.
func (c Config) complete() (Config, error) {
	if c.Dir == "" {
		return c, stoker.Errorf(stoker.Invalid, "process driver: no directory is configured")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return c, fmt.Errorf("process driver: %w", err)
	}
	c.Dir = dir
	if c.Path == "" {
		c.Path = DefaultPath
	}
	if c.Port == 0 {
		c.Port = 8080
	}
	if c.Port < 1 || c.Port > 65535 {
		return c, stoker.Errorf(stoker.Invalid, "process driver: port %d is not between 1 and 65535", c.Port)
	}
	if c.MaxLog <= 0 {
		c.MaxLog = 10 << 20
	}
	if c.Cgroups == "" {
		c.Cgroups = "/sys/fs/cgroup"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, c.checkImages()
}

func (c Config) checkImages() error {
	for _, name := range slices.Sorted(maps.Keys(c.Images)) {
		image := c.Images[name]
		if image.Command == "" {
			return stoker.Errorf(stoker.Invalid, "process driver: image %q has no command", name)
		}
		for path := range image.Files {
			if !filepath.IsLocal(path) {
				return stoker.Errorf(stoker.Invalid, "process driver: image %q: file %q is not inside the working directory", name, path)
			}
		}
		for key := range image.Env {
			if !isEnvName(key) {
				return stoker.Errorf(stoker.Invalid, "process driver: image %q: %q is not a name for an environment variable", name, key)
			}
		}
	}
	return nil
}
