package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/client"
)

func (s *session) stackExport() *cobra.Command {
	return s.stackHandOut("export", "Show a stack with all it has, as adopt takes it; it may hold secrets", (*client.Client).Export)
}

func (s *session) stackAbandon() *cobra.Command {
	return s.stackHandOut("abandon", "Forget a stack, leave what it has as it runs, and show what adopt takes", (*client.Client).Abandon)
}

func (s *session) stackHandOut(name, short string, get func(*client.Client, context.Context, string) (json.RawMessage, error)) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: name + " STACK", Short: short, Args: exactly(1), ValidArgsFunction: s.stackNames,
		RunE: s.clientDo(func(ctx context.Context, cl *client.Client, args []string) error {
			out := s.out
			if file != "" { // opened first: what was abandoned must not get lost
				f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE, 0o600)
				if err != nil {
					return &stoker.Error{Kind: stoker.Invalid, Message: "--output-file", Err: err}
				}
				defer f.Close()
				out = f
			}
			data, err := get(cl, ctx, args[0])
			if err != nil {
				return err
			}
			return writeOut(out, data)
		}),
	}
	c.Flags().StringVar(&file, "output-file", "", "write it to a file that nobody else can read")
	return c
}

func writeOut(out io.Writer, data json.RawMessage) error {
	var text bytes.Buffer
	if err := json.Indent(&text, data, "", "  "); err != nil {
		return err
	}
	text.WriteByte('\n')
	f, isFile := out.(*os.File)
	if _, err := out.Write(text.Bytes()); err != nil || !isFile {
		return err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return err
	}
	return f.Truncate(int64(text.Len()))
}

func (s *session) stackAdopt() *cobra.Command {
	var f source
	var file string
	var wait bool
	c := &cobra.Command{
		Use: "adopt NAME --adopt-file FILE", Short: "Make a stack of one that was abandoned, with what it had", Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := f.request(c)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return &stoker.Error{Kind: stoker.Invalid, Message: "--adopt-file", Err: err}
			}
			if r.Adopt, err = json.Marshal(string(data)); err != nil { // the server reads JSON and YAML
				return fmt.Errorf("%s: %w", file, err)
			}
			cl, err := s.client()
			if err != nil {
				return err
			}
			last := s.lastOf(c.Context(), cl, data)
			r.Name = args[0]
			id, err := cl.Create(c.Context(), r)
			if err != nil {
				return err
			}
			return s.finish(c.Context(), cl, id, last, wait)
		},
	}
	f.operation(c)
	fl := c.Flags()
	fl.StringVar(&file, "adopt-file", "", "what abandon or export has given, JSON or YAML")
	_ = c.MarkFlagRequired("adopt-file")
	_ = c.MarkFlagFilename("adopt-file", "json", "yaml", "yml")
	fl.BoolVar(&wait, "wait", false, "wait until it is done, and show what happens")
	return c
}

// lastOf is the last event of the stack that was abandoned, whose ID the adopted one has
// again; empty where that is not to be found out.
func (s *session) lastOf(ctx context.Context, cl *client.Client, data []byte) string {
	var left struct {
		ID string `json:"id"`
	}
	if yaml.Unmarshal(data, &left) != nil || left.ID == "" {
		return ""
	}
	last, err := s.lastEvent(ctx, cl, left.ID)
	if err != nil {
		return ""
	}
	return last
}
