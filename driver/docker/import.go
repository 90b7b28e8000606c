package docker

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// labelContent is the label of an image that tells what it was made from.
const labelContent = "stoker.content"

// importTar makes an image of a file system, unless it was made already.
func (d *Driver) importTar(ctx context.Context, c *conn, tag, file string) (string, error) {
	return d.importOnce(ctx, c, tag, file, nil, func(w io.Writer) error {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
}

// importProgram makes an image that holds one program and a place for temporary
// files.
func (d *Driver) importProgram(ctx context.Context, c *conn, tag, file string) (string, error) {
	if err := checkStatic(file); err != nil {
		return "", &stoker.Error{Kind: stoker.Invalid, Message: "make it from a program", Err: err,
			Hint: "Only a statically linked program runs alone in an image; for Go, build it with CGO_ENABLED=0."}
	}
	name := "/" + path.Base(filepath.ToSlash(file))
	changes := []string{fmt.Sprintf("ENTRYPOINT [%q]", name), "USER 65534:65534", "WORKDIR /tmp"}
	return d.importOnce(ctx, c, tag, file, changes, func(w io.Writer) error { return writeProgram(w, file, name) })
}

// checkStatic refuses a program that needs a loader.
func checkStatic(file string) error {
	f, err := elf.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is dynamically linked", file)
		}
	}
	return nil
}

func writeProgram(w io.Writer, file, name string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	now := time.Unix(0, 0)
	err = errors.Join(
		t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777, ModTime: now}),
		t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name[1:], Mode: 0o755, Size: info.Size(), ModTime: info.ModTime()}),
	)
	if err == nil {
		_, err = io.Copy(t, f)
	}
	return errors.Join(err, t.Close())
}

// importOnce imports what write writes, made from a file, unless the image of the
// tag was made from the same.
func (d *Driver) importOnce(ctx context.Context, c *conn, tag, file string, changes []string, write func(io.Writer) error) (string, error) {
	content, err := digest(file, changes)
	if err != nil {
		return "", &stoker.Error{Kind: stoker.Invalid, Message: "import it", Err: err}
	}
	there, err := c.ImageInspect(ctx, tag)
	if err == nil && there.Config != nil && there.Config.Labels[labelContent] == content {
		return there.ID, nil
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return "", explain(ctx, "find it", err)
	}
	d.log.Info("import image", "file", file, "image", tag)
	changes = append(changes, fmt.Sprintf("LABEL %s=%s", labelContent, content))
	return d.replaceImage(ctx, c, tag, func() error {
		return d.stream(ctx, "import it", write, func(r io.Reader) (io.ReadCloser, error) {
			return c.ImageImport(ctx, client.ImageImportSource{Source: r, SourceName: "-"}, tag, client.ImageImportOptions{Tag: "latest", Changes: changes})
		})
	})
}

// digest is a number for a file and what is done with it.
func digest(file string, changes []string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", changes)
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
