package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// writeFile writes a file and the folders above it.
func writeFile(f File) error {
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return err
	}
	how := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	if f.Append {
		how = os.O_CREATE | os.O_WRONLY | os.O_APPEND
	}
	file, err := os.OpenFile(f.Path, how, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(f.Body)
	err = errors.Join(err, file.Close(), os.Chmod(f.Path, f.Mode))
	if err == nil && f.Owner != "" {
		err = own(f.Path, f.Owner)
		err = errors.Join(err, os.Chmod(f.Path, f.Mode)) // a change of the owner takes bits away
	}
	return err
}

// own gives a file to user:group.
func own(path, owner string) error {
	if owner == "root:root" {
		return os.Chown(path, 0, 0) // also where there is no file of users
	}
	name, group, _ := strings.Cut(owner, ":")
	uid, gid := -1, -1
	if name != "" {
		u, err := lookup(name)
		if err != nil {
			return err
		}
		uid = int(number(u.Uid))
	}
	if group != "" {
		id := group
		if g, err := user.LookupGroup(group); err == nil {
			id = g.Gid
		}
		n, err := strconv.Atoi(id)
		if err != nil {
			return fmt.Errorf("there is no group %q", group)
		}
		gid = n
	}
	return os.Chown(path, uid, gid)
}

// authorize lets keys log in as a user.
func authorize(name string, keys []string) error {
	u, err := lookup(name)
	if err != nil && name == defaultUser {
		u, err = &user.User{Uid: "0", Gid: "0", HomeDir: "/root"}, nil // an image without a file of users
	}
	if err != nil {
		return err
	}
	home := u.HomeDir
	if home == "" {
		home = "/"
	}
	dir := filepath.Join(home, ".ssh")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file := filepath.Join(dir, "authorized_keys")
	there, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err = os.WriteFile(file, []byte(withLines(string(there), keys)), 0o600)
	for _, p := range []string{dir, file} {
		err = errors.Join(err, os.Chown(p, int(number(u.Uid)), int(number(u.Gid))))
	}
	return errors.Join(err, os.Chmod(dir, 0o700), os.Chmod(file, 0o600))
}

// withLines adds the lines that are not there.
func withLines(text string, lines []string) string {
	there := strings.Split(text, "\n")
	for _, l := range lines {
		if slices.Contains(there, l) {
			continue
		}
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		text += l + "\n"
		there = append(there, l)
	}
	return text
}

// addLines adds lines to a file, in place: some files of a container cannot be replaced.
func addLines(path string, mode fs.FileMode, lines ...string) error {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(withLines(string(text), lines)), mode)
}
