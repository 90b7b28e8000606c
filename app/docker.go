package app

import (
	"context"
	"net/http"
	"path/filepath"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/docker"
)

// DockerConfig is the docker driver's part; see package driver/docker.
type DockerConfig struct {
	Socket     string                       `yaml:"socket"`
	Network    string                       `yaml:"network"`
	Subnet     string                       `yaml:"subnet"`
	Port       int                          `yaml:"port"`
	MaxLog     Bytes                        `yaml:"max_log"`
	Grace      time.Duration                `yaml:"grace"`
	Pull       string                       `yaml:"pull"`
	OnlyListed bool                         `yaml:"only_listed"`
	Guest      string                       `yaml:"guest"`
	Images     map[string]DockerImageConfig `yaml:"images"`
}

// DockerImageConfig is an image that templates can name. Paths in a configuration
// file begin at the file's folder.
type DockerImageConfig struct {
	Image      string            `yaml:"image"`
	Build      string            `yaml:"build"`
	Dockerfile string            `yaml:"dockerfile"`
	Import     string            `yaml:"import"`
	Program    string            `yaml:"program"`
	Entrypoint []string          `yaml:"entrypoint"`
	Command    []string          `yaml:"command"`
	User       string            `yaml:"user"`
	Env        map[string]string `yaml:"env"`
	Volumes    []string          `yaml:"volumes"`
}

// beside makes paths absolute that begin at the folder of the configuration file.
func (c DockerConfig) beside(file string) error {
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return err
	}
	for name, i := range c.Images {
		for _, p := range []*string{&i.Build, &i.Import, &i.Program} {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(dir, *p)
			}
		}
		c.Images[name] = i
	}
	return nil
}

// guest is the program that runs user data; empty: it is not run.
func (c DockerConfig) guest(executable string) string {
	if c.Guest == guestNever {
		return ""
	}
	return executable
}

// When user data of containers is run; auto, the default: when there is any.
const (
	guestAuto  = "auto"
	guestNever = "never"
)

func openDocker(ctx context.Context, c Config, api http.Handler) (opened[stoker.Driver], error) {
	p := c.Drivers.Docker
	d, err := docker.New(ctx, docker.Config{
		Dir: filepath.Join(c.Data, "docker"), Socket: p.Socket, Images: dockerImages(c), OnlyListed: p.OnlyListed, Pull: p.Pull,
		Network: p.Network, Subnet: p.Subnet, Port: p.Port, MaxLog: int64(p.MaxLog), Inside: inside(c, api), Guest: p.guest(c.Executable), Logger: c.Logger,
	})
	if err != nil {
		return opened[stoker.Driver]{}, err
	}
	return opened[stoker.Driver]{part: d, close: func(context.Context) error { return d.Close() }}, nil
}

// dockerImages are the configured ones, and the application of the demonstration,
// which is this program.
func dockerImages(c Config) map[string]docker.Image {
	out := map[string]docker.Image{}
	if c.Executable != "" {
		out["hello"] = docker.Image{Program: c.Executable, Command: []string{"hello"}}
	}
	for name, i := range c.Drivers.Docker.Images {
		out[name] = docker.Image{
			Image: i.Image, Build: i.Build, Dockerfile: i.Dockerfile, Import: i.Import, Program: i.Program,
			Entrypoint: i.Entrypoint, Command: i.Command, User: i.User, Env: i.Env, Volumes: i.Volumes,
		}
	}
	return out
}

// grace is how long a server may take to end by itself; 0: the default.
func (a *parts) grace() time.Duration {
	if a.Driver == "docker" {
		return a.Drivers.Docker.Grace
	}
	return a.Drivers.Process.Grace
}
