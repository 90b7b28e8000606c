package balancertest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/websocket"
)

var httpCases = []testCase{
	{"request arrives as it was", []Ability{Traffic}, httpEcho},
	{"client's address and claims", []Ability{Traffic}, httpForwarded},
	{"stream arrives piece by piece", []Ability{Traffic}, httpStream},
	{"trailers arrive", []Ability{Traffic}, httpTrailers},
	{"expect continue", []Ability{Traffic}, httpContinue},
	{"member too slow is 504", []Ability{Traffic}, httpTooSlow},
	{"two lengths are no second request", []Ability{Traffic}, httpSmuggle},
	{"client that leaves frees the member", []Ability{Traffic}, httpClientLeaves},
	{"websocket", []Ability{Traffic, WebSocket}, httpWebSocket},
	{"drain cuts a websocket at its deadline", []Ability{Traffic, WebSocket}, httpWebSocketCut},
}

func httpEcho(s *suite) {
	st := s.setPool(s.pool())
	s.join(s.backend("a"))
	payload := strings.Repeat("0123456789", 100_000)
	for _, known := range []bool{true, false} {
		var body io.Reader = strings.NewReader(payload)
		if !known {
			body = io.MultiReader(body) // of unknown length: chunked
		}
		req, _ := http.NewRequestWithContext(s.Context(), http.MethodPost, st.URLs[0]+"/echo/../echo?a=%20;b&c", body)
		req.URL.Path, req.URL.RawPath = "/echo", ""
		req.Host = "app.example"
		req.Header.Set("X-Own", "kept")
		req.Header.Set("Connection", "X-Hop")
		req.Header.Set("X-Hop", "not kept")
		resp, err := s.client(true).Do(req)
		if err != nil {
			s.Fatal(err)
		}
		head, got, _ := strings.Cut(strings.ReplaceAll(s.read(resp), "\r", ""), "\n\n")
		s.wantText("request line", head, "POST /echo?a=%20;b&c\n")
		s.wantText("host", head, "Host: app.example\n")
		s.wantText("header", head, "X-Own: kept")
		if got != payload {
			s.Errorf("body: got %d bytes, want the %d sent", len(got), len(payload))
		}
	}
}

func httpForwarded(s *suite) {
	st := s.setPool(s.pool())
	s.join(s.backend("a"))
	req, _ := http.NewRequestWithContext(s.Context(), http.MethodGet, st.URLs[0]+"/echo", nil)
	req.Header.Set("X-Forwarded-For", "192.0.2.7")
	req.Header.Set("X-Forwarded-Proto", "gopher")
	resp, err := s.client(true).Do(req)
	if err != nil {
		s.Fatal(err)
	}
	body := strings.ReplaceAll(s.read(resp), "\r", "")
	var chain []string
	for line := range strings.Lines(body) {
		if v, ok := strings.CutPrefix(line, "X-Forwarded-For: "); ok {
			chain = append(chain, strings.TrimSpace(v))
		}
	}
	if all := strings.Join(chain, ", "); !strings.HasSuffix(all, "127.0.0.1") {
		s.Errorf("X-Forwarded-For: got %q, want the client's address last", all)
	}
	s.wantText("X-Forwarded-Proto", body, "X-Forwarded-Proto: http\n")
	if strings.Contains(body, "gopher") {
		s.Errorf("client's X-Forwarded-Proto arrived: %q", body)
	}
}

func httpStream(s *suite) {
	st := s.setPool(s.pool())
	a := s.backend("a")
	s.join(a)
	resp, err := s.client(true).Get(st.URLs[0] + "/stream")
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	if got := readPiece(s.T, resp.Body); got != "data: one\n\n" {
		s.Errorf("first piece: got %q", got)
	}
	a.awaitStart()
	a.letGo()
	if got := s.read(resp); got != "data: two\n\n" {
		s.Errorf("the rest: got %q", got)
	}
}

func httpTrailers(s *suite) {
	st := s.setPool(s.pool())
	s.join(s.backend("a"))
	resp, err := s.client(true).Get(st.URLs[0] + "/trailer")
	if err != nil {
		s.Fatal(err)
	}
	if body := s.read(resp); body != "body" || resp.Trailer.Get("X-Sum") != "42" {
		s.Errorf("got body %q and trailer %v, want body and X-Sum 42", body, resp.Trailer)
	}
}

// dial opens a plain connection that gives up after a while.
func (s *suite) dial(at string) net.Conn {
	s.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

func httpContinue(s *suite) {
	st := s.setPool(s.pool())
	s.join(s.backend("a"))
	c := s.dial(st.Addresses[0])
	io.WriteString(c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
	r := bufio.NewReader(c)
	if line, err := r.ReadString('\n'); !strings.Contains(line, " 100 ") {
		s.Fatalf("first line: got %q (%v), want 100 Continue", line, err)
	}
	io.WriteString(c, "hello")
	if rest, _ := io.ReadAll(r); !strings.Contains(string(rest), " 200 ") || !strings.Contains(string(rest), "hello") {
		s.Errorf("answer: got %q, want 200 with hello", rest)
	}
}

func httpTooSlow(s *suite) {
	p := s.pool()
	p.ResponseTimeout = 100 * time.Millisecond
	st := s.setPool(p)
	a := s.backend("a")
	s.join(a)
	if status, _ := s.get(st.URLs[0] + "/hold"); status != http.StatusGatewayTimeout {
		s.Errorf("status: got %d, want 504", status)
	}
}

// A request with both lengths is the classic way to hide another one in its body.
func httpSmuggle(s *suite) {
	st := s.setPool(s.pool())
	a := s.backend("a")
	s.join(a)
	hidden := "GET /fail HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, head := range []string{
		"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd" + hidden,
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden,
		"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
	} {
		before := a.hits.Load()
		c := s.dial(st.Addresses[0])
		io.WriteString(c, "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+head)
		answer, _ := io.ReadAll(c)
		if n := a.hits.Load() - before; n > 1 {
			s.Errorf("%q: the member saw %d requests, want at most one", head, n)
		}
		if strings.Contains(string(answer), " 500 ") {
			s.Errorf("%q: the hidden request was answered: %q", head, answer)
		}
	}
}

func httpClientLeaves(s *suite) {
	st := s.setPool(s.pool())
	a := s.backend("a")
	s.join(a)
	c := s.dial(st.Addresses[0])
	io.WriteString(c, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
	r := a.awaitStart()
	c.Close()
	select {
	case <-r.Context().Done():
	case <-time.After(patience):
		s.Error("the member still works for a client that has left")
	}
	s.eventually("nothing is in flight", func() bool { return s.stats().InFlight == 0 })
}

func (s *suite) webSocket(at string) *websocket.Conn {
	s.Helper()
	ws, err := websocket.Dial("ws://"+at+"/ws", "", "http://app.example")
	if err != nil {
		s.Fatalf("open a websocket: %v", err)
	}
	s.Cleanup(func() { ws.Close() })
	ws.SetDeadline(time.Now().Add(patience))
	return ws
}

func httpWebSocket(s *suite) {
	st := s.setPool(s.pool())
	a := s.backend("a")
	s.join(a)
	ws := s.webSocket(st.Addresses[0])
	for _, want := range []string{"hello", strings.Repeat("x", 50_000)} {
		var got string
		if err := websocket.Message.Send(ws, want); err != nil {
			s.Fatal(err)
		}
		if err := websocket.Message.Receive(ws, &got); err != nil || got != want {
			s.Fatalf("echo: got %d bytes (%v), want %d", len(got), err, len(want))
		}
	}
	removed := s.drain(s.Context(), "a", patience)
	if got := s.member("a").InFlight; got != 1 {
		s.Errorf("in flight while the websocket is open: got %d, want 1", got)
	}
	ws.Close()
	if err := result(s, "RemoveMember", removed); err != nil {
		s.Errorf("RemoveMember: %v", err)
	}
}

func httpWebSocketCut(s *suite) {
	st := s.setPool(s.pool())
	s.join(s.backend("a"))
	ws := s.webSocket(st.Addresses[0])
	removed := s.drain(s.Context(), "a", 100*time.Millisecond)
	if err := result(s, "RemoveMember", removed); err != nil {
		s.Errorf("RemoveMember: %v", err)
	}
	var got string
	if err := websocket.Message.Receive(ws, &got); err == nil {
		s.Errorf("read from a websocket that was cut: got %q, want an error", got)
	}
}
