// Package linger bounds what is read of a request, and lets clients that send more than
// that read the answer: a server which answers and closes while a client still sends
// resets the connection, and many clients then tell of that and not of the answer.
//
// It starts no goroutine.
package linger

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

// Most is how much more than a body's bound is read and dropped, in bytes. How long that
// may take is for the server's ReadTimeout to say.
const Most = 64 << 20

// Body gives at most max bytes of a request's body. With the first byte beyond them Read
// drops what is left, up to Most, and gives an *http.MaxBytesError; the connection ends
// with the answer. A client that asks before it sends (Expect: 100-continue) is not asked
// to.
func Body(w http.ResponseWriter, r *http.Request, max int64) io.ReadCloser {
	return &body{ReadCloser: http.MaxBytesReader(w, r.Body, max), rest: r.Body, max: max, spare: asks(r) && r.ContentLength > max}
}

type body struct {
	io.ReadCloser
	rest  io.Reader
	max   int64
	spare bool // nothing is to be read at all
	left  bool // what is left has been dropped
}

// Drop reads and drops at most max bytes of the body of a request that is answered without
// it. A client that asks before it sends is not asked to.
func Drop(r *http.Request, max int64) {
	if !asks(r) {
		_, _ = io.CopyN(io.Discard, r.Body, max) // whatever comes of it, the answer is the same
	}
}

func asks(r *http.Request) bool { return strings.EqualFold(r.Header.Get("Expect"), "100-continue") }

func (b *body) Read(p []byte) (int, error) {
	if b.spare {
		return 0, &http.MaxBytesError{Limit: b.max}
	}
	n, err := b.ReadCloser.Read(p)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok && !b.left {
		b.left = true
		io.CopyN(io.Discard, b.rest, Most) // whatever comes of it, the answer is the same
	}
	return n, err
}
