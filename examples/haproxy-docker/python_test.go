package haproxydocker_test

import (
	"archive/tar"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	moby "github.com/moby/moby/client"
)

// Debian's Python, of which the base image is made where no registry is.
const python = "/usr/bin/python3"

// importPython gives a daemon the image that the example's Dockerfile begins with,
// made of this machine's own Python: so the very Dockerfile that users build from
// is built without a network.
func importPython(t *testing.T, docker *moby.Client) {
	t.Helper()
	out, err := exec.Command(python, "-c", "import http.server, json, sysconfig; print(sysconfig.get_path('stdlib'))").Output()
	if err != nil {
		t.Skipf("%s is not installed with its library (apt-get install python3): %v", python, err)
	}
	lib := strings.TrimSpace(string(out))
	r, w := io.Pipe()
	go func() { w.CloseWithError(writePython(w, lib)) }()
	answer, err := docker.ImageImport(t.Context(), moby.ImageImportSource{Source: r, SourceName: "-"}, "python",
		moby.ImageImportOptions{Tag: "3-slim", Changes: []string{"ENV PATH=/usr/bin"}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	if text, err := io.ReadAll(answer); err != nil || strings.Contains(string(text), `"error"`) {
		t.Fatalf("import python:3-slim: %v: %s", err, text)
	}
}

// notNeeded are the parts of Python's library that no program here uses.
var notNeeded = []string{"dist-packages", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "test", "tkinter", "unittest"}

func writePython(w io.Writer, lib string) error {
	t := tar.NewWriter(w)
	modules, err := filepath.Glob(lib + "/lib-dynload/*.so")
	if err != nil {
		return err
	}
	libraries, err := linked(append(modules, python))
	if err != nil {
		return err
	}
	for _, file := range append(libraries, python) {
		if err := writeFile(t, file); err != nil {
			return err
		}
	}
	err = filepath.WalkDir(lib, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (slices.Contains(notNeeded, d.Name()) || strings.HasPrefix(d.Name(), "config-")):
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		return writeFile(t, path)
	})
	if err != nil {
		return err
	}
	return t.Close()
}

var ofLdd = regexp.MustCompile(`(?m)(/\S+) \(0x`)

// linked gives the libraries that programs need.
func linked(programs []string) ([]string, error) {
	out, err := exec.Command("ldd", programs...).Output()
	if err != nil {
		return nil, err
	}
	var files []string
	for _, m := range ofLdd.FindAllStringSubmatch(string(out), -1) {
		if !slices.Contains(files, m[1]) {
			files = append(files, m[1])
		}
	}
	return files, nil
}

// writeFile adds a file, or what a link leads to.
func writeFile(t *tar.Writer, path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	head := &tar.Header{Typeflag: tar.TypeReg, Name: path[1:], Mode: int64(info.Mode().Perm()), Size: info.Size(), ModTime: info.ModTime()}
	if err := t.WriteHeader(head); err != nil {
		return err
	}
	_, err = io.Copy(t, f)
	return err
}
