package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/stoker-project/stoker"
)

// besideFile is the configuration that "stoker up" uses when it lies beside the
// template: an example or an application then needs one command.
const besideFile = "stoker.yaml"

// beside gives the configuration file beside a template, or "" when there is none.
// Such a file names programs to run and folders to build from, as the template
// does. Whoever can write into the template's folder must not be able to add one,
// so it has to be this user's or root's, and not everybody's to write.
func beside(template string) (string, error) {
	file := filepath.Join(filepath.Dir(template), besideFile)
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", &stoker.Error{Kind: stoker.Invalid, Message: "look for a configuration beside the template", Err: err}
	}
	if why := strange(info); why != "" {
		return "", &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("the configuration beside the template, %s, %s", file, why),
			Hint: "Read it, then give it with --config, or leave it out with --no-config."}
	}
	return file, nil
}

// strange says why a file is not to be used unasked; "" when it may be.
func strange(info fs.FileInfo) string {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Getuid() {
		return "belongs to another user"
	}
	if info.Mode().Perm()&0o002 != 0 {
		return "can be written by everybody"
	}
	if !info.Mode().IsRegular() {
		return "is no file"
	}
	return ""
}
