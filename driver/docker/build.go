package docker

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/client"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/stoker-project/stoker"
)

// build builds a folder and gives the image's ID.
func (d *Driver) build(ctx context.Context, c *conn, tag string, image Image) (string, error) {
	dockerfile := image.Dockerfile
	if dockerfile == "" {
		dockerfile = "Dockerfile"
	}
	if _, err := os.Stat(filepath.Join(image.Build, dockerfile)); err != nil {
		return "", &stoker.Error{Kind: stoker.Invalid, Message: "build it", Err: err, Hint: "The folder must hold a Dockerfile."}
	}
	d.log.Info("build image", "folder", image.Build, "image", tag)
	return d.replaceImage(ctx, c, tag, func() error {
		return d.stream(ctx, "build it", func(w io.Writer) error { return writeContext(w, image.Build, dockerfile) },
			func(r io.Reader) (io.ReadCloser, error) {
				answer, err := c.ImageBuild(ctx, r, client.ImageBuildOptions{
					Tags: []string{tag}, Dockerfile: filepath.ToSlash(dockerfile), Remove: true, ForceRemove: true,
				})
				return answer.Body, err
			})
	})
}

// stream sends what write writes while send reads it, and reads the answer to its end.
func (d *Driver) stream(ctx context.Context, doing string, write func(io.Writer) error, send func(io.Reader) (io.ReadCloser, error)) error {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := write(w)
		w.CloseWithError(err)
		written <- err
	}()
	answer, err := send(r)
	if err == nil {
		err = readAnswer(answer)
		answer.Close()
	}
	r.CloseWithError(errAnswered) // the daemon need not have read all
	writeErr := <-written
	if writeErr != nil && !errors.Is(writeErr, errAnswered) {
		return &stoker.Error{Kind: stoker.Invalid, Message: doing, Err: writeErr}
	}
	return explain(ctx, doing, err)
}

var errAnswered = errors.New("the daemon has answered")

// readAnswer reads the messages of a build or import up to its end or error.
func readAnswer(r io.Reader) error {
	var said []string
	for dec := json.NewDecoder(r); ; {
		var m jsonstream.Message
		err := dec.Decode(&m)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if m.Error != nil {
			return buildError(m.Error.Message, said)
		}
		if line := strings.TrimSpace(m.Stream); line != "" {
			said = append(said, line)
			said = said[max(0, len(said)-5):]
		}
	}
}

// buildError is the fault of what is built, if it is not one of the machine's.
func buildError(message string, said []string) error {
	kind := stoker.Invalid
	if anyIn(message, "no space left on device", "cannot allocate memory") {
		kind = stoker.NoCapacity
	}
	if anyIn(message, "dial tcp", "TLS handshake", "i/o timeout") {
		kind = stoker.Unavailable
	}
	if len(said) > 0 {
		message += "; last lines: " + strings.Join(said, "\n")
	}
	return stoker.Errorf(kind, "%s", message)
}

// replaceImage makes an image and removes the one that had its tag before, unless
// servers use it. It gives the image's ID.
func (d *Driver) replaceImage(ctx context.Context, c *conn, tag string, do func() error) (string, error) {
	before, err := c.ImageInspect(ctx, tag)
	if err != nil && !errdefs.IsNotFound(err) {
		return "", explain(ctx, "find it", err)
	}
	if err := do(); err != nil {
		return "", err
	}
	now, err := c.ImageInspect(ctx, tag)
	if err != nil {
		return "", explain(ctx, "find it", err)
	}
	if before.ID != "" && before.ID != now.ID {
		// It is in use where this is refused, and then it stays.
		_, _ = c.ImageRemove(ctx, before.ID, client.ImageRemoveOptions{PruneChildren: true})
	}
	return now.ID, nil
}

// writeContext writes a folder as a tar file, without what its .dockerignore
// names. Symbolic links are written as such, so that nothing outside is read.
func writeContext(w io.Writer, folder, dockerfile string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	ignored, err := ignore(root)
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	err = fs.WalkDir(root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		skip, err := ignored.MatchesOrParentMatches(path)
		if err != nil {
			return err
		}
		if skip && path != filepath.ToSlash(dockerfile) && path != dockerignore {
			if e.IsDir() && !ignored.Exclusions() && !strings.HasPrefix(filepath.ToSlash(dockerfile), path+"/") {
				return fs.SkipDir
			}
			if !e.IsDir() {
				return nil
			}
		}
		return addFile(t, root, path, e)
	})
	return errors.Join(err, t.Close())
}

const dockerignore = ".dockerignore"

func ignore(root *os.Root) (*patternmatcher.PatternMatcher, error) {
	f, err := root.Open(dockerignore)
	if errors.Is(err, fs.ErrNotExist) {
		return patternmatcher.New(nil)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	patterns, err := ignorefile.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dockerignore, err)
	}
	return patternmatcher.New(patterns)
}

func addFile(t *tar.Writer, root *os.Root, path string, e fs.DirEntry) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	link := ""
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		if link, err = root.Readlink(path); err != nil {
			return err
		}
	case !info.Mode().IsRegular() && !info.IsDir():
		return nil // sockets and the like have no place in an image
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	h.Name = path
	if info.IsDir() {
		h.Name += "/"
	}
	h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "", ""
	if err := t.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := root.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(t, f)
	return err
}
