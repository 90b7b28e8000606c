package heat

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"path"
	"strings"
	"unicode"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/softwareconfig"
)

func multipartMimeSchema() *stoker.Schema {
	s := contentSchema("Several texts in one MIME message, which cloud-init takes as user data.")
	s.Properties = map[string]*stoker.Property{
		"group": groupProperty(),
		"parts": {Type: stoker.TypeList, Default: []any{}, Description: "The parts, in their order.",
			Items: &stoker.Property{Type: stoker.TypeMap, Description: "A part.", Fields: map[string]*stoker.Property{
				"config":   {Type: stoker.TypeString, Required: true, Description: "The text, or a software configuration by its reference."},
				"filename": {Type: stoker.TypeString, Description: "A name for the text."},
				"subtype":  {Type: stoker.TypeString, Description: "What stands behind text/ in the part's type: x-shellscript, cloud-config. By default the beginning of filename, or plain."},
				"type": {Type: stoker.TypeString, Default: "text", Constraints: schema.OneOf("text", "multipart"),
					Description: "multipart means that the text is such a message itself, whose parts are taken over."},
			}}},
	}
	return s
}

// part is one text of a message.
type part struct{ text, subtype, filename string }

// multipartMime writes the message. It is the same each time, because user data
// must be.
func multipartMime(data Data) func(context.Context, *stoker.Request) (any, error) {
	return func(ctx context.Context, req *stoker.Request) (any, error) {
		var parts []part
		for i, v := range request.Values(req.Properties).Maps("parts") {
			more, err := partsOf(ctx, data, req, v)
			if err != nil {
				return nil, invalid(fmt.Sprintf("properties.parts[%d].config", i), err.Error())
			}
			parts = append(parts, more...)
		}
		return message(parts, "==="+string(req.ID)+"==")
	}
}

// partsOf gives the part, or those of the message that it is.
func partsOf(ctx context.Context, data Data, req *stoker.Request, v request.Values) ([]part, error) {
	text, err := softwareconfig.Text(ctx, data, req, v.String("config"))
	if err != nil {
		return nil, err
	}
	if v.String("type") == "multipart" {
		return split(text)
	}
	return []part{{text, v.String("subtype"), v.String("filename")}}, nil
}

// split reads a message. Heat passes over a text that is none; here nothing is left
// out in silence.
func split(text string) ([]part, error) {
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read a multipart message: %w", err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return nil, errors.New("the text is no multipart message")
	}
	var out []part
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read a multipart message: %w", err)
		}
		one, err := readPart(p)
		if err != nil {
			return nil, fmt.Errorf("read a multipart message: %w", err)
		}
		out = append(out, one)
	}
}

func readPart(p *multipart.Part) (part, error) {
	var r io.Reader = p
	if strings.EqualFold(p.Header.Get("Content-Transfer-Encoding"), "base64") {
		r = base64.NewDecoder(base64.StdEncoding, p)
	}
	body, err := io.ReadAll(r)
	kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
	_, subtype, _ := strings.Cut(kind, "/")
	_, disposition, _ := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
	return part{string(body), subtype, disposition["filename"]}, err
}

func message(parts []part, boundary string) (string, error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	if err := w.SetBoundary(boundary); err != nil {
		return "", fmt.Errorf("write a multipart message: %w", err)
	}
	for _, p := range parts {
		if err := writePart(w, p); err != nil {
			return "", fmt.Errorf("write a multipart message: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("write a multipart message: %w", err)
	}
	head := mime.FormatMediaType("multipart/mixed", map[string]string{"boundary": boundary})
	return "Content-Type: " + head + "\nMIME-Version: 1.0\n\n" + strings.ReplaceAll(body.String(), "\r\n", "\n"), nil
}

// writePart encodes what would not come through as it is: what is not ASCII, as
// Python's email package does, and line ends of Windows.
func writePart(w *multipart.Writer, p part) error {
	charset, encoding, text := "us-ascii", "7bit", p.text
	if strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII || r == '\r' }) {
		charset, encoding, text = "utf-8", "base64", wrapped(base64.StdEncoding.EncodeToString([]byte(text)))
	}
	subtype := p.subtype
	if subtype == "" {
		subtype = strings.TrimSuffix(p.filename, path.Ext(p.filename))
	}
	if subtype == "" {
		subtype = "plain"
	}
	h := textproto.MIMEHeader{}
	h.Set("Content-Type", fmt.Sprintf("text/%s; charset=%q", oneLine(subtype), charset))
	h.Set("MIME-Version", "1.0")
	h.Set("Content-Transfer-Encoding", encoding)
	if p.filename != "" {
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": p.filename}))
	}
	to, err := w.CreatePart(h)
	if err != nil {
		return err
	}
	_, err = io.WriteString(to, text)
	return err
}

// oneLine keeps a value from ending its header.
func oneLine(s string) string { return strings.Join(strings.Fields(s), "") }

// wrapped breaks lines at 76 characters.
func wrapped(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return b.String() + s + "\n"
}
