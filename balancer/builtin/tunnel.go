package builtin

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// switchProtocols makes a tunnel of a connection whose member agreed to speak
// something else (WebSocket and others).
func (x *exchange) switchProtocols(m *member, resp *http.Response, o *outcome) {
	back, ok := resp.Body.(io.ReadWriteCloser)
	if want, got := upgradeType(x.out.Header), upgradeType(resp.Header); !ok || want == "" || !strings.EqualFold(want, got) {
		resp.Body.Close()
		o.failed = true
		x.refuse(http.StatusBadGateway, "the server switched to a protocol nobody asked for")
		return
	}
	defer back.Close()
	client, buffered, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		o.failed = true
		x.refuse(http.StatusBadGateway, "the connection cannot be switched")
		return
	}
	defer client.Close()
	h := http.Header{}
	returnHeader(h, resp)
	delete(h, "Content-Type")
	h["Connection"], h["Upgrade"] = upgradeOnly, resp.Header["Upgrade"]
	if name := x.settings.StickyCookie; name != "" && x.cookie != m.cookie {
		bind(h, name, m, x.secure)
	}
	head := http.Response{
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Status: resp.Status, StatusCode: resp.StatusCode, Header: h,
	}
	if err := head.Write(client); err != nil {
		return
	}
	m.tunnel(&hijacked{Conn: client, early: buffered.Reader}, back)
}

// hijacked reads first what the server had read already.
type hijacked struct {
	net.Conn
	early *bufio.Reader
}

func (h *hijacked) Read(p []byte) (int, error) {
	if h.early != nil {
		if h.early.Buffered() > 0 {
			return h.early.Read(p)
		}
		h.early = nil
	}
	return h.Conn.Read(p)
}

func (h *hijacked) CloseWrite() error { return closeWrite(h.Conn) }

// tunnel copies both ways until both have ended, one is broken or the member is
// cut off. A side that has said all is told so while the other may go on.
func (m *member) tunnel(client, back io.ReadWriteCloser) {
	both := &pair{client, back}
	m.conns.add(both)
	defer m.conns.remove(both)
	defer both.Close()
	var wg sync.WaitGroup
	wg.Go(func() { both.pump(back, client) })
	both.pump(client, back)
	wg.Wait()
}

// pair closes two ends as one.
type pair struct{ a, b io.Closer }

func (p *pair) Close() error {
	p.a.Close()
	return p.b.Close()
}

func (p *pair) pump(to io.Writer, from io.Reader) {
	if _, err := io.Copy(to, from); err != nil || closeWrite(to) != nil {
		p.Close()
	}
}

// closeWrite ends one direction; where that cannot be said, both.
func closeWrite(w io.Writer) error {
	if c, ok := w.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return net.ErrClosed
}
