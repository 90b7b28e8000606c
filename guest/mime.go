package guest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
)

// isMessage tells whether a text begins as a message with headers does.
func isMessage(body []byte) bool {
	head := strings.ToLower(string(body[:min(len(body), 2000)]))
	return strings.HasPrefix(head, "mime-version:") || strings.HasPrefix(head, "content-type:") ||
		strings.HasPrefix(head, "from ") && strings.Contains(head, "\ncontent-type:")
}

// message takes a MIME message apart.
func (u *unfolder) message(p part, depth int) {
	body := p.body
	if bytes.HasPrefix(body, []byte("From ")) { // of a mailbox
		_, body, _ = bytes.Cut(body, []byte("\n"))
	}
	m, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		u.fail("%s: MIME: %v", nameOf(p), err)
		return
	}
	u.entity(textproto.MIMEHeader(m.Header), m.Body, part{name: p.name}, depth)
}

// entity takes one piece with headers apart.
func (u *unfolder) entity(h textproto.MIMEHeader, body io.Reader, p part, depth int) {
	kind, params, err := mime.ParseMediaType(or(h.Get("Content-Type"), "text/plain"))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		u.fail("%s: MIME: Content-Type: %v", nameOf(p), err)
		return
	}
	if strings.HasPrefix(kind, "multipart/") {
		u.multipart(multipart.NewReader(body, params["boundary"]), p, depth)
		return
	}
	text, err := io.ReadAll(io.LimitReader(decoded(h.Get("Content-Transfer-Encoding"), body), maxSize+1))
	if err != nil {
		u.fail("%s: MIME: %v", nameOf(p), err)
		return
	}
	if _, given, err := mime.ParseMediaType(h.Get("Content-Disposition")); err == nil && given["filename"] != "" {
		p.name = given["filename"]
	} else if params["name"] != "" {
		p.name = params["name"]
	}
	p.kind, p.body, p.merge = kind, text, or(h.Get("Merge-Type"), h.Get("X-Merge-Type"))
	u.unfold(p, depth+1)
}

func (u *unfolder) multipart(r *multipart.Reader, p part, depth int) {
	if depth > maxDepth {
		u.fail("%s: MIME: parts within parts, more than %d deep", nameOf(p), maxDepth)
		return
	}
	for n := 1; n <= maxParts; n++ {
		inner, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			u.fail("%s: MIME: %v", nameOf(p), err)
			return
		}
		u.entity(inner.Header, inner, part{name: fmt.Sprintf("part-%03d", n)}, depth+1)
	}
	u.fail("%s: MIME: there are more than %d parts", nameOf(p), maxParts)
}

func decoded(encoding string, r io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, r)
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	}
	return r
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
