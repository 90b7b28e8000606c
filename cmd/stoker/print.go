package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

func (s *session) checkFormat() error {
	switch s.format {
	case "table", "json", "yaml":
		return nil
	}
	return usageError{fmt.Errorf("--output %q: want table, json or yaml", s.format)}
}

// print writes a value as asked for; fill makes the table of it.
func (s *session) print(v any, fill func(*rows)) error {
	switch s.format {
	case "json":
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	case "yaml":
		return s.printYAML(v)
	}
	t := &rows{}
	fill(t)
	_, err := fmt.Fprintln(s.out, t.render())
	return err
}

// printYAML goes through JSON, so that both have the same names.
func (s *session) printYAML(v any) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return err
	}
	doc, err = yaml.JSONToYAML(doc)
	if err == nil {
		_, err = s.out.Write(doc)
	}
	return err
}

// rows is a table in the making.
type rows struct {
	header []any
	lines  [][]any
}

// head names the columns.
func (r *rows) head(names ...any) { r.header = names }

// add adds a line.
func (r *rows) add(cells ...any) { r.lines = append(r.lines, cells) }

func (r *rows) render() string {
	w := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatUpper
	w.SetStyle(style)
	w.SuppressTrailingSpaces()
	if r.header != nil {
		w.AppendHeader(r.header)
	}
	for _, l := range r.lines {
		w.AppendRow(l)
	}
	return w.Render()
}

// field adds the line of one property of a thing; what is empty is left out.
func (r *rows) field(name string, value any) {
	switch v := value.(type) {
	case string:
		if v == "" {
			return
		}
	case *time.Time:
		if v == nil {
			return
		}
		value = when(*v)
	case time.Time:
		value = when(v)
	case []string:
		if len(v) == 0 {
			return
		}
		value = strings.Join(v, ", ")
	case nil:
		return
	}
	r.add(name, value)
}

// when writes a time for people.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// plain writes a value on one line: text as it is, the rest as JSON.
func plain(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	doc, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(doc)
}
