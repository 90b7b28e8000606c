package docker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// Logs implements stoker.LogReader. The stream holds what the server has written
// to its standard output and error. With follow it ends once the server has ended and
// everything is read.
func (d *Driver) Logs(ctx context.Context, token stoker.ServerToken, tail int, follow bool) (io.ReadCloser, error) {
	doing := fmt.Sprintf("read the log of server %q", token)
	c, _, err := d.link.get()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	found, err := d.container(ctx, c, token)
	if err != nil {
		return nil, err
	}
	r, err := openLog(ctx, c, found.id, tail, follow)
	if errdefs.IsNotFound(err) {
		return nil, noServer(token)
	}
	if err != nil {
		return nil, explain(ctx, doing, err)
	}
	return r, nil
}

func openLog(ctx context.Context, c *conn, id string, tail int, follow bool) (io.ReadCloser, error) {
	lines := "all"
	if tail >= 0 {
		lines = strconv.Itoa(tail)
	}
	body, err := c.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: follow, Tail: lines})
	if err != nil {
		return nil, err
	}
	return newDemux(ctx, body), nil
}

// demux reads both streams of a container from the one in which Docker frames
// them: a byte that names the stream, three zeros, the length, the bytes.
type demux struct {
	ctx  context.Context
	body io.ReadCloser
	left uint32 // of the present frame
}

func newDemux(ctx context.Context, body io.ReadCloser) io.ReadCloser {
	return &demux{ctx: ctx, body: body}
}

func (x *demux) Read(p []byte) (int, error) {
	for x.left == 0 {
		var header [8]byte
		if _, err := io.ReadFull(x.body, header[:]); err != nil {
			return 0, x.blame(err)
		}
		if header[0] > 3 || header[1]|header[2]|header[3] != 0 {
			return 0, errFrame
		}
		x.left = binary.BigEndian.Uint32(header[4:])
	}
	if uint64(len(p)) > uint64(x.left) {
		p = p[:x.left]
	}
	n, err := x.body.Read(p)
	x.left -= uint32(n)
	if err == io.EOF && x.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, x.blame(err)
}

// errFrame can come from a daemon of another kind only.
var errFrame = errors.New("the log of a container is not in Docker's format")

// blame names the context where it is the reason of an error.
func (x *demux) blame(err error) error {
	if err != nil && err != io.EOF && x.ctx.Err() != nil {
		return context.Cause(x.ctx)
	}
	return err
}

func (x *demux) Close() error { return x.body.Close() }
