package cfn

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
)

// object is an answer or a part of it: members in order. A value is an object,
// a list, a document, or is written as text.
type object []member

type member struct {
	name  string
	value any
}

// document is a value that stands as JSON also in XML: templates, metadata.
type document struct{ any }

// MarshalJSON fulfils json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		v := m.value
		if d, ok := v.(document); ok {
			v = d.any
		}
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(text)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// asJSON tells whether a client wants JSON; else it gets XML.
func (c *call) asJSON() bool {
	return c.params.Get("ContentType") == "JSON" || strings.HasPrefix(c.Header.Get("Accept"), "application/json")
}

func (c *call) write(w http.ResponseWriter, status int, body object) {
	text, kind := []byte(nil), "application/json"
	var err error
	if c.asJSON() {
		text, err = json.Marshal(body)
	} else {
		kind = "application/xml"
		var b bytes.Buffer
		err = writeXML(&b, body)
		text = b.Bytes()
	}
	if err != nil { // only values from templates are free in form, and those are JSON's
		status, text = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that has left is not our trouble
}

// writeXML writes a value; the items of lists are called member.
func writeXML(b *bytes.Buffer, v any) error {
	switch v := v.(type) {
	case nil:
		return nil
	case object:
		for _, m := range v {
			if err := element(b, m.name, m.value); err != nil {
				return err
			}
		}
		return nil
	case []object:
		for _, item := range v {
			if err := element(b, "member", item); err != nil {
				return err
			}
		}
		return nil
	case []string:
		for _, item := range v {
			if err := element(b, "member", item); err != nil {
				return err
			}
		}
		return nil
	case document:
		text, err := json.Marshal(v.any)
		if err != nil {
			return err
		}
		return xml.EscapeText(b, text)
	}
	return xml.EscapeText(b, fmt.Append(nil, v))
}

func element(b *bytes.Buffer, name string, v any) error {
	fmt.Fprintf(b, "<%s>", name)
	err := writeXML(b, v)
	fmt.Fprintf(b, "</%s>", name)
	return err
}
