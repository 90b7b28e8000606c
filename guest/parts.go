package guest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of what user data may unfold to.
const (
	maxSize  = 16 << 20
	maxDepth = 10
	maxParts = 1000
)

// part is a piece of user data of one kind.
type part struct {
	kind  string // a MIME type
	name  string // a file name; may be empty
	merge string // how it is merged into the configuration before it
	body  []byte
}

// The kinds of parts.
const (
	kindScript   = "text/x-shellscript"
	kindConfig   = "text/cloud-config"
	kindArchive  = "text/cloud-config-archive"
	kindInclude  = "text/x-include-url"
	kindOnce     = "text/x-include-once-url"
	kindBoothook = "text/cloud-boothook"
	kindHandler  = "text/part-handler"
	kindUpstart  = "text/upstart-job"
	kindJSONP    = "text/cloud-config-jsonp"
	kindJinja    = "text/jinja2"
	kindHeat     = "text/x-cfninitdata"
)

// beginnings tell kinds. The longer of two stands first.
var beginnings = []struct{ text, kind string }{
	{"#include-once", kindOnce}, {"#include", kindInclude}, {"#!", kindScript},
	{"#cloud-config-archive", kindArchive}, {"#cloud-config-jsonp", kindJSONP}, {"#cloud-config", kindConfig},
	{"#cloud-boothook", kindBoothook}, {"#part-handler", kindHandler}, {"#upstart-job", kindUpstart}, {"## template:", kindJinja},
}

// kindOf looks at how a text begins; empty: at nothing known.
func kindOf(body []byte) string {
	body = bytes.TrimLeft(body, " \t\r\n")
	for _, b := range beginnings {
		if len(body) >= len(b.text) && strings.EqualFold(string(body[:len(b.text)]), b.text) {
			return b.kind
		}
	}
	return ""
}

// unfolder takes user data apart into parts that hold no others.
type unfolder struct {
	fetch func(url string) ([]byte, error)
	left  int // bytes that may come still
	parts []part
	plan  *Plan
}

// unfold takes a piece apart. kind is what its wrapping says it is; empty or plain
// text: look.
func (u *unfolder) unfold(p part, depth int) {
	body, err := u.plain(p.body)
	switch {
	case err != nil:
		u.fail("%s: %v", nameOf(p), err)
		return
	case depth > maxDepth:
		u.fail("%s: parts within parts within parts, more than %d deep", nameOf(p), maxDepth)
		return
	case len(u.parts) >= maxParts:
		u.fail("there are more than %d parts", maxParts)
		return
	}
	p.body = unix(body)
	if found := kindOf(body); isVague(p.kind) && found != "" {
		p.kind = found
	}
	switch {
	case isVague(p.kind) && isMessage(body), strings.HasPrefix(p.kind, "multipart/"), p.kind == "message/rfc822":
		u.message(p, depth)
	case p.kind == kindArchive:
		u.archive(p, depth)
	case p.kind == kindInclude, p.kind == kindOnce:
		u.include(p, depth)
	default:
		u.parts = append(u.parts, p)
	}
}

// unix takes the carriage returns of a text away.
func unix(body []byte) []byte {
	if line, _, ok := bytes.Cut(body, []byte("\n")); ok && bytes.HasSuffix(line, []byte("\r")) && !isMessage(body) {
		return bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	}
	return body
}

// isVague tells whether a kind says nothing.
func isVague(kind string) bool {
	switch kind {
	case "", "text/plain", "text/x-not-multipart", "application/octet-stream", "application/gzip", "application/x-gzip", "application/x-gunzip", "application/gunzip":
		return true
	}
	return false
}

func nameOf(p part) string {
	if p.name != "" {
		return p.name
	}
	return "user data"
}

func (u *unfolder) fail(format string, args ...any) {
	u.plan.Errors = append(u.plan.Errors, fmt.Sprintf(format, args...))
}

var errLarge = errors.New("it is larger than 16 MiB")

// plain undoes compression and base64.
func (u *unfolder) plain(body []byte) ([]byte, error) {
	body = unbase64(body)
	for range maxDepth {
		if !bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
			break
		}
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		if body, err = io.ReadAll(io.LimitReader(r, int64(u.left)+1)); err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		if len(body) > u.left {
			return nil, errLarge
		}
	}
	u.left -= len(body)
	if u.left < 0 {
		return nil, errLarge
	}
	return body, nil
}

// unbase64 decodes what is base64 of something known, and leaves all else.
func unbase64(body []byte) []byte {
	text := strings.Join(strings.Fields(string(body)), "")
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(decoded) == 0 {
		return body
	}
	if bytes.HasPrefix(decoded, []byte{0x1f, 0x8b}) || kindOf(decoded) != "" || isMessage(decoded) {
		return decoded
	}
	return body
}

// archive is a list of parts as YAML.
func (u *unfolder) archive(p part, depth int) {
	list, err := readYAML[[]any](p.body)
	if err != nil {
		u.fail("%s: cloud-config-archive: %v", nameOf(p), err)
		return
	}
	for k, e := range list {
		inner := part{name: fmt.Sprintf("part-%03d", k+1)}
		switch e := e.(type) {
		case string:
			inner.body = []byte(e)
		case map[string]any:
			v := values(e)
			inner.body, inner.kind = []byte(v.text("content")), v.text("type")
			if name := v.text("filename"); name != "" {
				inner.name = name
			}
		default:
			u.fail("%s: part %d of the archive is neither a text nor a map", nameOf(p), k+1)
			continue
		}
		u.unfold(inner, depth+1)
	}
}

// include fetches what a list of addresses names.
func (u *unfolder) include(p part, depth int) {
	for line := range strings.Lines(string(p.body)) {
		line = strings.TrimSpace(line)
		for _, word := range []string{"#include-once", "#include"} {
			if len(line) >= len(word) && strings.EqualFold(line[:len(word)], word) {
				line = strings.TrimSpace(line[len(word):])
				break
			}
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !strings.HasPrefix(line, "http://") && !strings.HasPrefix(line, "https://") {
			u.fail("include %q: only http and https addresses are fetched", line)
			continue
		}
		if depth >= maxDepth {
			u.fail("include %s: it is included by too many", line)
			continue
		}
		body, err := u.fetch(line)
		if err != nil {
			u.fail("include %s: %v", line, err)
			continue
		}
		u.unfold(part{name: line[strings.LastIndex(line, "/")+1:], body: body}, depth+1)
	}
}
