package builtin

import (
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
)

// answer brings a member's response to the client. A response that breaks off
// in the middle breaks off the client's, so that nobody takes it for whole.
func (x *exchange) answer(m *member, resp *http.Response, o *outcome) {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		x.switchProtocols(m, resp, o)
		return
	}
	defer resp.Body.Close()
	h := x.w.Header()
	returnHeader(h, resp)
	if name := x.settings.StickyCookie; name != "" && x.cookie != m.cookie {
		bind(h, name, m, x.secure)
	}
	x.w.WriteHeader(resp.StatusCode)
	broken, err := x.copyBody(resp)
	if err != nil {
		o.failed = o.failed || broken
		x.outcome.failed = o.failed
		panic(http.ErrAbortHandler)
	}
	returnTrailer(x.w, h, resp)
}

// returnHeader copies the response's header without what concerns only the
// member's connection.
func returnHeader(h http.Header, resp *http.Response) {
	for k, v := range resp.Header {
		if !hopByHop(k) {
			h[k] = v
		}
	}
	removeListed(h, resp.Header["Connection"])
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // keeps net/http from guessing
	}
	if len(resp.Trailer) > 0 {
		names := make([]string, 0, len(resp.Trailer))
		for k := range resp.Trailer {
			names = append(names, k)
		}
		h["Trailer"] = []string{strings.Join(names, ", ")}
	}
}

// returnTrailer sends trailers, announced or not.
func returnTrailer(w http.ResponseWriter, h http.Header, resp *http.Response) {
	if len(resp.Trailer) == 0 {
		return
	}
	_ = http.NewResponseController(w).Flush() // makes the body chunked, even an empty one
	announced := strings.Split(strings.Join(h["Trailer"], ", "), ", ")
	known := make(map[string]bool, len(announced))
	for _, k := range announced {
		known[k] = true
	}
	for k, v := range resp.Trailer {
		if !known[k] {
			k = http.TrailerPrefix + k
		}
		h[k] = v
	}
}

// copyBody passes the body on. broken tells that it was the member that failed.
func (x *exchange) copyBody(resp *http.Response) (broken bool, err error) {
	if resp.ContentLength == 0 || resp.Body == http.NoBody {
		return false, nil
	}
	flush := func() error { return nil }
	if streams(resp) {
		flush = http.NewResponseController(x.w).Flush
		if err := flush(); err != nil { // the header, before the first piece is there
			return false, err
		}
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		n, err := resp.Body.Read(*buf)
		if n > 0 {
			if _, err := x.w.Write((*buf)[:n]); err != nil {
				return false, err
			}
			if err := flush(); err != nil {
				return false, err
			}
		}
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return x.in.Context().Err() == nil, err
		}
	}
}

// streams tells whether each piece is to be sent as it comes: the member does not
// know how long the whole will be, or it is a stream of events.
func streams(resp *http.Response) bool {
	if resp.ContentLength < 0 {
		return true
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return kind == "text/event-stream"
}

var buffers = sync.Pool{New: func() any {
	b := make([]byte, 32<<10)
	return &b
}}
