//go:build linux

package process

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/stoker-project/stoker"
)

// scriptImage runs the user data.
const scriptImage = "script"

// command is what is run, all names resolved.
type command struct {
	path  string // of the program; relative to the working directory if not absolute
	argv  []string
	env   map[string]string
	files map[string]string // for the working directory, by local path
}

// command resolves the image of a server. The environment is needed because
// arguments can name its variables.
func (d *Driver) command(r record) (command, error) {
	image := d.cfg.Images[r.Spec.Image]
	c := command{env: d.environment(r, image), files: map[string]string{}}
	maps.Copy(c.files, image.Files)
	if r.Spec.UserData != "" {
		c.files["user_data"] = r.Spec.UserData
	}
	var err error
	if c.argv, err = argv(r.Spec, image, c.env); err != nil {
		return command{}, badImage(r.Spec, err)
	}
	if c.path, err = lookPath(c.argv[0], c.env["PATH"]); err != nil {
		return command{}, badImage(r.Spec, err)
	}
	return c, nil
}

func argv(spec stoker.ServerSpec, image Image, env map[string]string) ([]string, error) {
	switch {
	case image.Command != "":
		return append([]string{image.Command}, expandArgs(image.Args, env)...), nil
	case spec.Image == "" || spec.Image == scriptImage:
		if !strings.HasPrefix(spec.UserData, "#!") {
			return nil, errors.New("the user data is to be run, but its first line does not name an interpreter (#!/bin/sh)")
		}
		return []string{"./user_data"}, nil
	}
	words, err := splitWords(spec.Image, func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	})
	if err == nil && len(words) == 0 {
		err = errors.New("it is empty")
	}
	return words, err
}

func expandArgs(args []string, env map[string]string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		out[i] = os.Expand(arg, func(name string) string {
			if name == "$" {
				return "$"
			}
			return env[name]
		})
	}
	return out
}

// lookPath finds a program. A path in the working directory is taken as it is:
// whether it is there shows when it is started.
func lookPath(program, path string) (string, error) {
	if strings.Contains(program, "/") {
		if filepath.IsAbs(program) {
			return program, executable(program)
		}
		return program, nil
	}
	for _, dir := range filepath.SplitList(path) {
		if full := filepath.Join(dir, program); filepath.IsAbs(dir) && executable(full) == nil {
			return full, nil
		}
	}
	return "", fmt.Errorf("there is no image of that name, and no program %q in %s", program, path)
}

func executable(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("%s is not an executable file", file)
	}
	return nil
}

// environment is all that the server gets; nothing of Stoker's own.
func (d *Driver) environment(r record, image Image) map[string]string {
	env := map[string]string{"PATH": d.cfg.Path, "LANG": "C.UTF-8"}
	maps.Copy(env, image.Env)
	for key, value := range r.Spec.Metadata {
		if isEnvName(key) {
			env[key] = value
		}
	}
	maps.Copy(env, map[string]string{
		envInstallation: d.installation,
		envToken:        string(r.Spec.Token),
		"SERVER_NAME":   r.Spec.Name,
		"HOST":          r.Address,
		"PORT":          strconv.Itoa(r.Port),
		"HOME":          d.workDir(r.Spec.Token),
	})
	return env
}

// The variables by which the processes of a server are found again.
const (
	envInstallation = "STOKER_INSTALLATION"
	envToken        = "STOKER_TOKEN"
)

// environ brings the environment into the form of exec, the two variables that
// Stoker looks for first.
func environ(env map[string]string) []string {
	list := []string{envInstallation + "=" + env[envInstallation], envToken + "=" + env[envToken]}
	for _, key := range slices.Sorted(maps.Keys(env)) {
		if key != envInstallation && key != envToken {
			list = append(list, key+"="+env[key])
		}
	}
	return list
}

func badImage(spec stoker.ServerSpec, err error) error {
	return &stoker.Error{
		Kind:    stoker.Invalid,
		Message: fmt.Sprintf("create server %q: image %q", spec.Name, spec.Image),
		Err:     err,
		Hint: "An image of the process driver is a name from its configuration, a command line " +
			"(an absolute path or a program in the PATH, and its arguments), or \"script\", which runs the user data.",
	}
}
