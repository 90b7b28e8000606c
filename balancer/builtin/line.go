package builtin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"
)

// A line is a kept connection to a member for requests without a body, which
// are most. The goroutine that serves the client writes and reads it directly:
// http.Transport would hand each request to two others, and took a third of the
// time of a request. What is less simple (bodies, upgrades, Expect) goes through
// http.Transport all the same.
type line struct {
	conn   *trackedConn
	r      *bufio.Reader
	w      *bufio.Writer
	budget int64 // bytes that the header may still have; <0: no bound
	since  time.Time
}

// Bounds on lines.
const (
	maxIdleLines       = 1024
	idleLineTimeout    = 30 * time.Second
	maxResponseHeader  = 1 << 20
	maxInterimResponse = 5
)

var errHeaderTooLong = errors.New("the response's header is too long")

// Read bounds the header and is the source of r.
func (l *line) Read(p []byte) (int, error) {
	if l.budget == 0 {
		return 0, errHeaderTooLong
	}
	if l.budget > 0 && int64(len(p)) > l.budget {
		p = p[:l.budget]
	}
	n, err := l.conn.Read(p)
	if l.budget > 0 {
		l.budget -= int64(n)
	}
	return n, err
}

// stale tells whether the member has closed the connection, or said something
// without being asked.
func (l *line) stale() bool {
	raw, err := l.conn.SyscallConn()
	if err != nil || l.r.Buffered() > 0 {
		return true
	}
	quiet := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = err == syscall.EAGAIN
		return true // never wait
	})
	return err != nil || !quiet
}

// lines keeps the idle lines of a member; the last one used is the first to be
// used again.
type lines struct {
	mu     sync.Mutex
	idle   []*line
	closed bool
}

func (ls *lines) take() *line {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	n := len(ls.idle)
	if n == 0 {
		return nil
	}
	l := ls.idle[n-1]
	ls.idle[n-1] = nil
	ls.idle = ls.idle[:n-1]
	return l
}

func (ls *lines) put(l *line) {
	l.since = time.Now()
	ls.mu.Lock()
	keep := !ls.closed && len(ls.idle) < maxIdleLines
	if keep {
		ls.idle = append(ls.idle, l)
	}
	ls.mu.Unlock()
	if !keep {
		l.conn.Close()
	}
}

// expire closes what has been idle since before t.
func (ls *lines) expire(t time.Time) {
	ls.mu.Lock()
	n := slices.IndexFunc(ls.idle, func(l *line) bool { return !l.since.Before(t) })
	if n < 0 {
		n = len(ls.idle)
	}
	old := slices.Clone(ls.idle[:n])
	ls.idle = slices.Delete(ls.idle, 0, n)
	ls.mu.Unlock()
	for _, l := range old {
		l.conn.Close()
	}
}

// close closes what is idle, and from now on what becomes so.
func (ls *lines) close() {
	ls.mu.Lock()
	idle := ls.idle
	ls.idle, ls.closed = nil, true
	ls.mu.Unlock()
	for _, l := range idle {
		l.conn.Close()
	}
}

// roundTrip sends a request to the member and gives the response, whose body the
// caller closes. Failures to connect are of type *dialError.
func (m *member) roundTrip(out *http.Request) (*http.Response, error) {
	if out.Body != nil || out.Header["Upgrade"] != nil || out.Header["Expect"] != nil {
		return m.transport.Load().RoundTrip(out)
	}
	for {
		l := m.lines.take()
		if l != nil && l.stale() {
			l.conn.Close()
			continue
		}
		if l == nil {
			break
		}
		resp, heard, err := m.ask(l, out)
		if err == nil || heard || !idempotent(out.Method) || out.Context().Err() != nil {
			return resp, err
		}
		if isTimeout(err) {
			return nil, err
		}
	}
	c, err := m.dialHTTP(out.Context())
	if err != nil {
		return nil, err
	}
	l := &line{conn: c, w: bufio.NewWriter(c)}
	l.r = bufio.NewReader(l)
	resp, _, err := m.ask(l, out)
	return resp, err
}

// ask makes one request on a line. On an error the line is closed; heard tells
// that the member had begun to answer.
func (m *member) ask(l *line, out *http.Request) (resp *http.Response, heard bool, err error) {
	ctx := out.Context()
	stop := context.AfterFunc(ctx, func() { l.conn.Close() })
	resp, heard, err = l.exchange(out, m.pool.settings.Load().ResponseTimeout)
	if err != nil {
		stop()
		l.conn.Close()
		return nil, heard, err
	}
	b := &lineBody{from: resp.Body, line: l, home: &m.lines, stop: stop, last: resp.Close}
	if resp.Body == http.NoBody {
		b.end(true)
	} else {
		resp.Body = b
	}
	return resp, true, nil
}

func (l *line) exchange(out *http.Request, timeout time.Duration) (resp *http.Response, heard bool, err error) {
	if timeout > 0 {
		_ = l.conn.SetReadDeadline(time.Now().Add(timeout)) // fails only if closed, which the read tells too
		defer func() { _ = l.conn.SetReadDeadline(time.Time{}) }()
	}
	writeRequest(l.w, out)
	if err := l.w.Flush(); err != nil {
		return nil, false, err
	}
	l.budget = maxResponseHeader
	defer func() { l.budget = -1 }()
	if _, err := l.r.Peek(1); err != nil {
		return nil, false, err
	}
	for range maxInterimResponse {
		resp, err = http.ReadResponse(l.r, out)
		if err != nil || resp.StatusCode >= 200 {
			return resp, true, err
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			break
		}
	}
	return nil, true, errors.New("the response is not one to this request")
}

// writeRequest writes a request without a body. Its parts come from net/http's
// server, which has refused line ends in them. Errors stay in w.
func writeRequest(w *bufio.Writer, out *http.Request) {
	write := func(parts ...string) {
		for _, s := range parts {
			_, _ = w.WriteString(s)
		}
	}
	write(out.Method, " ", out.URL.RequestURI(), " HTTP/1.1\r\nHost: ", out.Host, "\r\n")
	for k, vs := range out.Header {
		if k == "Host" || k == "Content-Length" || k == "User-Agent" && vs[0] == "" {
			continue
		}
		for _, v := range vs {
			write(k, ": ", v, "\r\n")
		}
	}
	switch out.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		write("Content-Length: 0\r\n")
	}
	write("\r\n")
}

// lineBody gives the line back when the body has been read to its end, and
// closes it otherwise.
type lineBody struct {
	from  io.Reader
	line  *line
	home  *lines
	stop  func() bool // ends the watch over the client
	last  bool        // the member takes no more requests on this line
	ended bool
}

func (b *lineBody) Read(p []byte) (int, error) {
	if b.ended {
		return 0, io.EOF
	}
	n, err := b.from.Read(p)
	if err != nil {
		b.end(err == io.EOF)
	}
	return n, err
}

func (b *lineBody) Close() error {
	if !b.ended {
		b.end(false)
	}
	return nil
}

func (b *lineBody) end(whole bool) {
	b.ended = true
	if unwatched := b.stop(); unwatched && whole && !b.last {
		b.home.put(b.line)
	} else {
		b.line.conn.Close()
	}
}
