// Package haproxysock speaks to HAProxy's command sockets, of a worker or of the
// master, and reads their answers. It knows the form of commands and tables, and
// nothing of pools or members.
//
// It has no goroutine; each command is a connection of its own, so that a
// reload of HAProxy never leaves one behind.
package haproxysock

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

// maxAnswer bounds what is read of an answer: a table of 10,000 servers has 6 MB.
const maxAnswer = 64 << 20

// Client runs commands on one socket. It may be used concurrently.
type Client struct {
	// Path of the unix socket.
	Path string
	// Timeout of one command; default 3s.
	Timeout time.Duration
}

// Do runs one line of commands, separated by ";", and gives the answer without
// the white space around it. The error is Unavailable when nobody answers in
// time; an answer that refuses the command is not an error here.
func (c Client) Do(ctx context.Context, line string) (string, error) {
	if strings.ContainsAny(line, "\n\r") {
		return "", stoker.Errorf(stoker.Invalid, "a command for HAProxy has several lines: %q", line)
	}
	timeout := c.Timeout
	if timeout == 0 {
		timeout = 3 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := c.exchange(ctx, line)
	if err != nil {
		return "", stoker.Errorf(stoker.Unavailable, "ask HAProxy %q: %w", command(line), err)
	}
	return strings.TrimSpace(answer), nil
}

// command is a line without what may be secret: the words before its arguments.
func command(line string) string {
	words := strings.Fields(line)
	return strings.Join(words[:min(3, len(words))], " ")
}

func (c Client) exchange(ctx context.Context, line string) (string, error) {
	conn, err := dial(ctx, c.Path)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		return "", err
	}
	// The master keeps the connection open until it sees our end of it.
	if half, ok := conn.(*net.UnixConn); ok {
		_ = half.CloseWrite() // where it fails, so does the read
	}
	answer, err := io.ReadAll(io.LimitReader(conn, maxAnswer))
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return string(answer), err
}

// longest is what fits into the address of a unix socket everywhere.
const longest = 100

// dial connects; a path too long for a socket's address is reached through its
// directory's descriptor, where the system has such paths.
func dial(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	if len(path) <= longest {
		return d.DialContext(ctx, "unix", path)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return d.DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
}
