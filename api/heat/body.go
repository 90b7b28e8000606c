package heat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/value"
	"github.com/stoker-project/stoker/stack"
)

// stackBody is what clients send to create, update, preview or validate.
// Members that come in several forms are kept as they are until decoded.
type stackBody struct {
	Name             string                     `json:"stack_name"`
	Template         json.RawMessage            `json:"template"` // text, or the document itself
	TemplateURL      string                     `json:"template_url"`
	Parameters       json.RawMessage            `json:"parameters"`
	Environment      json.RawMessage            `json:"environment"` // text, or the document itself
	EnvironmentFiles []string                   `json:"environment_files"`
	Files            map[string]json.RawMessage `json:"files"`
	FilesContainer   string                     `json:"files_container"`
	Timeout          json.RawMessage            `json:"timeout_mins"`
	DisableRollback  json.RawMessage            `json:"disable_rollback"`
	Tags             json.RawMessage            `json:"tags"`
	Adopt            json.RawMessage            `json:"adopt_stack_data"`
	ClearParameters  []string                   `json:"clear_parameters"`
	Converge         json.RawMessage            `json:"converge"`
	// TemplateName is Stoker's own: what the template is called in messages.
	TemplateName string `json:"template_name"`
}

// readBody reads a request's body, at most MaxBody bytes of it.
func readBody(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(r)
	var tooMany *http.MaxBytesError
	switch {
	case errors.As(err, &tooMany):
		return nil, tooLarge()
	case err != nil:
		return nil, invalid("read the request's body: %w", err)
	case !utf8.Valid(text):
		return nil, refuse("HTTPBadRequest", "the request's body is not UTF-8")
	}
	return text, nil
}

func tooLarge() error {
	return refuse("RequestLimitExceeded", "Request limit exceeded: JSON body size exceeds maximum allowed size (%d bytes).", MaxBody)
}

func (s *server) decodeStackBody(ctx context.Context, project stoker.ProjectID, r io.Reader) (*stackBody, error) {
	text, err := readBody(r)
	if err != nil {
		return nil, err
	}
	b := &stackBody{}
	if err := json.Unmarshal(text, b); err != nil {
		return nil, refuse("HTTPBadRequest", "the request's body: %w", value.Explain(err))
	}
	if len(text) > MaxBody && absent(b.Adopt) {
		return nil, tooLarge()
	}
	if b.FilesContainer != "" {
		if err := s.fetchFiles(ctx, project, b); err != nil {
			return nil, err
		}
	}
	if b.TemplateURL != "" && absent(b.Template) {
		return b, s.fetchTemplate(ctx, b)
	}
	return b, nil
}

// fetchFiles gets the files that a client has put into a container. Those that it sends
// beside count more.
func (s *server) fetchFiles(ctx context.Context, project stoker.ProjectID, b *stackBody) error {
	if s.container == nil {
		return refuse("NotSupported", "files_container is not supported, send the files themselves")
	}
	sent := func(name string) bool { _, ok := b.Files[name]; return ok }
	texts, err := s.container(ctx, project, b.FilesContainer, sent, MaxBody)
	if err != nil {
		return err
	}
	if b.Files == nil {
		b.Files = map[string]json.RawMessage{}
	}
	for name, text := range texts {
		if b.Files[name], err = json.Marshal(text); err != nil {
			return err
		}
	}
	return nil
}

// fetchTemplate gets the template that a client named by its address.
func (s *server) fetchTemplate(ctx context.Context, b *stackBody) error {
	if s.fetch == nil {
		return refuse("NotSupported", "template_url is not supported, send the template itself")
	}
	text, err := s.fetch(ctx, b.TemplateURL)
	if err == nil && !utf8.Valid(text) {
		err = invalid("what is there is not UTF-8")
	}
	if err != nil {
		return refuse("HTTPBadRequest", "Could not retrieve template: %w", err)
	}
	if b.TemplateName == "" {
		b.TemplateName = b.TemplateURL
	}
	b.Template, err = json.Marshal(string(text))
	return err
}

// decodeInto decodes a body that has one form only. Numbers in values of any form
// are json.Number, for value.Normal.
func (s *server) decodeInto(c *call, to any) error {
	text, err := readBody(c.Body)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(to); err != nil {
		return refuse("HTTPBadRequest", "the request's body: %w", value.Explain(err))
	}
	return nil
}

func absent(raw json.RawMessage) bool { return len(raw) == 0 || bytes.Equal(raw, null) }

// input makes what the engine takes of a body. What is not named in it stays
// zero; was gives the values of an existing stack, nil for a new one.
func (s *server) input(c *call, b *stackBody, was *stoker.Stack) (stack.Input, error) {
	in := stack.Input{Project: c.project, Name: b.Name, Owner: c.grant.User, DisableRollback: true}
	if was != nil && !absent(b.Converge) {
		var err error
		if in.Converge, err = boolean("converge", strings.Trim(string(b.Converge), `"`)); err != nil {
			return in, err
		}
	}
	if was != nil {
		in.Name, in.DisableRollback = was.Name, was.DisableRollback
	}
	var err error
	if in.Spec, err = b.spec(s.parse); err != nil {
		return in, err
	}
	in.Spec.Admin = c.grant.Admin
	if in.Timeout, err = minutes(b.Timeout); err != nil {
		return in, err
	}
	if in.Tags, err = tags(b.Tags); err != nil {
		return in, err
	}
	if !absent(b.DisableRollback) {
		in.DisableRollback, err = boolean("disable_rollback", strings.Trim(string(b.DisableRollback), `"`))
	}
	return in, err
}

func (b *stackBody) spec(parse func([]byte, string) (*hot.Template, error)) (stoker.StackSpec, error) {
	spec := stoker.StackSpec{File: b.TemplateName, Files: map[string]string{}}
	var err error
	if spec.Template, err = document(b.Template); err != nil {
		return spec, refuse("HTTPBadRequest", "template: %w", err)
	}
	if len(spec.Template) > MaxTemplate {
		return spec, refuse("RequestLimitExceeded", "Request limit exceeded: Template size (%d bytes) exceeds maximum allowed size (%d bytes).", len(spec.Template), MaxTemplate)
	}
	for name, raw := range b.Files {
		if spec.Files[name], err = document(raw); err != nil {
			return spec, refuse("HTTPBadRequest", "files: %q: %w", name, err)
		}
	}
	if spec.Parameters, err = decodeMap("parameters", b.Parameters); err != nil {
		return spec, err
	}
	env, err := b.environment(spec, parse)
	if err != nil || env == nil {
		return spec, err
	}
	env.MergeStrategies = nil // for files that come together, which they now are
	spec.Environment = env.Encode()
	return spec, nil
}

// environment gives the one environment of a request. Clients that name
// environment_files send those in files and leave the merging to the server;
// then the environment beside them does not count.
func (b *stackBody) environment(spec stoker.StackSpec, parse func([]byte, string) (*hot.Template, error)) (*hot.Environment, error) {
	if len(b.EnvironmentFiles) > 0 {
		return mergeFiles(b.EnvironmentFiles, spec.Files, templates(spec, parse))
	}
	if absent(b.Environment) {
		return nil, nil
	}
	return decodeEnvironment(b.Environment)
}

// templates parses a stack's template and those among its files. What cannot be
// read is left out: the engine tells why.
func templates(spec stoker.StackSpec, parse func([]byte, string) (*hot.Template, error)) []*hot.Template {
	inside := hot.TemplatesAmong(spec.Files, parse)
	t, err := parse([]byte(spec.Template), spec.File)
	if err != nil {
		return inside
	}
	return append([]*hot.Template{t}, inside...)
}

func decodeEnvironment(raw json.RawMessage) (*hot.Environment, error) {
	if raw[0] == '"' {
		text, err := document(raw)
		if err != nil {
			return nil, refuse("HTTPBadRequest", "environment: %w", err)
		}
		return hot.ParseEnvironment([]byte(text), "")
	}
	m, err := decodeMap("environment", raw)
	if err != nil {
		return nil, err
	}
	return hot.DecodeEnvironment(m)
}

func mergeFiles(names []string, files map[string]string, ts []*hot.Template) (*hot.Environment, error) {
	env := &hot.Environment{}
	var err error
	for _, name := range names {
		if err != nil {
			return nil, err
		}
		text, ok := files[name]
		if !ok {
			return nil, refuse("HTTPBadRequest", "environment_files: %q is not among the files", name)
		}
		var next *hot.Environment
		if next, err = hot.ParseEnvironment([]byte(text), name); err == nil {
			env, err = env.Merge(next, ts...)
		}
	}
	return env, err
}

// document gives the text of something that may come as text or as JSON.
func document(raw json.RawMessage) (string, error) {
	if absent(raw) {
		return "", nil
	}
	if raw[0] != '"' {
		return string(raw), nil
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return text, err
}

func decodeMap(what string, raw json.RawMessage) (map[string]any, error) {
	m, err := value.DecodeMap(raw)
	if err != nil {
		return nil, refuse("HTTPBadRequest", "%s: %w", what, err)
	}
	return m, nil
}

// minutes decodes timeout_mins; 0 where there is none.
func minutes(raw json.RawMessage) (time.Duration, error) {
	text := strings.Trim(string(raw), `"`)
	if absent(raw) || text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, refuse("HTTPBadRequest", "Only integer is acceptable by 'timeout_mins'.")
	case n < 0 || n > math.MaxInt32:
		return 0, refuse("HTTPBadRequest", "timeout_mins %d is out of range", n)
	}
	return time.Duration(n) * time.Minute, nil
}

// tags decodes "a,b" or a list of tags; nil where there are none.
func tags(raw json.RawMessage) ([]string, error) {
	if absent(raw) {
		return nil, nil
	}
	var text string
	var list []string
	if err := json.Unmarshal(raw, &text); err == nil {
		list = strings.Split(text, ",")
	} else if err := json.Unmarshal(raw, &list); err != nil {
		return nil, refuse("HTTPBadRequest", "tags: want a list of strings, or one string with commas")
	}
	for i, tag := range list {
		list[i] = strings.TrimSpace(tag)
		switch n := utf8.RuneCountInString(list[i]); {
		case n == 0:
			return nil, invalid("a tag must not be empty")
		case n > 80:
			return nil, invalid("Invalid tag, %q is longer than 80 characters", tag)
		case list[i] == CarrierTag:
			return nil, invalid("Invalid tag, %q is Stoker's own", tag)
		case strings.Contains(tag, ","):
			return nil, invalid("Invalid tag, %q contains a comma", tag)
		}
	}
	return list, nil
}

// boolean decodes Heat's strict booleans.
func boolean(name, text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, &stoker.Error{Kind: stoker.Invalid, Type: "HTTPBadRequest",
		Message: fmt.Sprintf("Unrecognized value %q for %q, acceptable values are: true, false.", text, name)}
}
