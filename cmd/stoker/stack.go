package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoker-project/stoker/client"
)

func (s *session) stack() *cobra.Command {
	c := &cobra.Command{Use: "stack", Short: "Create, change and look at stacks", Aliases: []string{"stacks"}}
	family(c, s.stackCreate(), s.stackUpdate(), s.stackDelete(), s.stackPreview(), s.stackValidate(),
		s.stackList(), s.stackShow(), s.stackResources(), s.stackEvents(), s.stackOutputs(), s.stackSignal())
	return family(c, s.stackActions()...)
}

// stackNames completes a stack's name.
func (s *session) stackNames(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cl, err := s.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	stacks, err := cl.Stacks(c.Context(), client.List{})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, st := range stacks {
		names = append(names, st.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// source is where a stack comes from: the flags that create, update, preview
// and up share.
type source struct {
	template     string
	environments []string
	parameters   []string
	clear        []string
	tags         []string
	timeout      time.Duration
	rollback     bool
	converge     bool
}

func (f *source) flags(c *cobra.Command) {
	fl := c.Flags()
	fl.StringArrayVarP(&f.environments, "environment", "e", nil, "environment file; may be repeated, later ones win")
	fl.StringArrayVarP(&f.parameters, "parameter", "P", nil, "parameter KEY=VALUE; may be repeated")
}

func (f *source) operation(c *cobra.Command) {
	f.flags(c)
	fl := c.Flags()
	fl.StringVarP(&f.template, "template", "t", "", "template file")
	fl.StringSliceVar(&f.tags, "tags", nil, "tags, with commas")
	fl.DurationVar(&f.timeout, "timeout", 0, "how long the operation may take, whole minutes (default: the server's)")
	fl.BoolVar(&f.rollback, "rollback", false, "go back to what was before when the operation fails")
	_ = c.MarkFlagFilename("template", "yaml", "yml", "json", "template")
	_ = c.MarkFlagFilename("environment", "yaml", "yml")
}

// request reads the files and flags.
func (f *source) request(c *cobra.Command) (client.Request, error) {
	r := client.Request{}
	var err error
	if f.template != "" {
		r, err = client.Bundle(f.template, f.environments)
	} else if len(f.environments) > 0 {
		err = usageError{fmt.Errorf("--environment needs --template")}
	}
	if err != nil {
		return r, err
	}
	r.Parameters = map[string]any{}
	for _, p := range f.parameters {
		key, value, ok := strings.Cut(p, "=")
		if !ok || key == "" {
			return r, usageError{fmt.Errorf("--parameter %q: want KEY=VALUE", p)}
		}
		r.Parameters[key] = value
	}
	if f.timeout > 0 && f.timeout%time.Minute != 0 {
		return r, usageError{fmt.Errorf("--timeout %s: want whole minutes", f.timeout)}
	}
	r.ClearParameters, r.Tags, r.TimeoutMins = f.clear, f.tags, int(f.timeout/time.Minute)
	r.Converge = f.converge
	if c.Flags().Changed("rollback") {
		off := !f.rollback
		r.DisableRollback = &off
	}
	return r, nil
}

func (s *session) stackCreate() *cobra.Command {
	var f source
	var wait bool
	c := &cobra.Command{
		Use: "create NAME -t TEMPLATE", Short: "Create a stack", Args: exactly(1),
		Example: "  stoker stack create hello -t examples/hello/hello.yaml -P message=Hi --wait",
		RunE: func(c *cobra.Command, args []string) error {
			r, err := f.request(c)
			if err != nil {
				return err
			}
			cl, err := s.client()
			if err != nil {
				return err
			}
			r.Name = args[0]
			id, err := cl.Create(c.Context(), r)
			if err != nil {
				return err
			}
			return s.finish(c.Context(), cl, id, "", wait)
		},
	}
	f.operation(c)
	_ = c.MarkFlagRequired("template")
	c.Flags().BoolVar(&wait, "wait", false, "wait until it is done, and show what happens")
	return c
}

func (s *session) stackUpdate() *cobra.Command {
	var f source
	var wait, existing bool
	c := &cobra.Command{
		Use: "update STACK [-t TEMPLATE]", Short: "Change a stack", Args: exactly(1), ValidArgsFunction: s.stackNames,
		Long: `Change a stack. With --existing, what is not given stays as it is; without it, a
template is needed, and parameters that are not given go back to their defaults.`,
		RunE: func(c *cobra.Command, args []string) error {
			cl, r, err := s.changeRequest(c, &f, existing)
			if err != nil {
				return err
			}
			st, err := cl.Stack(c.Context(), args[0])
			if err != nil {
				return err
			}
			last, err := s.lastEvent(c.Context(), cl, st.ID)
			if err != nil {
				return err
			}
			if existing {
				err = cl.Patch(c.Context(), st.ID, r)
			} else {
				err = cl.Update(c.Context(), st.ID, r)
			}
			if err != nil {
				return err
			}
			return s.finish(c.Context(), cl, st.ID, last, wait)
		},
	}
	f.operation(c)
	c.Flags().BoolVar(&existing, "existing", false, "keep what is not given")
	c.Flags().BoolVar(&f.converge, "converge", false, "look first at what is there, and replace what has been lost")
	c.Flags().StringSliceVar(&f.clear, "clear-parameter", nil, "with --existing: parameters that go back to their defaults")
	c.Flags().BoolVar(&wait, "wait", false, "wait until it is done, and show what happens")
	return c
}

func (s *session) changeRequest(c *cobra.Command, f *source, existing bool) (*client.Client, client.Request, error) {
	if !existing && f.template == "" {
		return nil, client.Request{}, usageError{fmt.Errorf("give a template with -t, or --existing to keep the one there is")}
	}
	r, err := f.request(c)
	if err != nil {
		return nil, r, err
	}
	cl, err := s.client()
	return cl, r, err
}

func (s *session) stackPreview() *cobra.Command {
	var f source
	var existing bool
	c := &cobra.Command{
		Use: "preview [STACK] -t TEMPLATE", Short: "Tell what create, or update of STACK, would do", Args: usage(cobra.MaximumNArgs(1)), ValidArgsFunction: s.stackNames,
		RunE: func(c *cobra.Command, args []string) error {
			cl, r, err := s.changeRequest(c, &f, existing && len(args) > 0)
			if err != nil {
				return err
			}
			var changes []client.Change
			if len(args) == 0 {
				r.Name = "preview"
				changes, err = cl.PreviewCreate(c.Context(), r)
			} else {
				changes, err = cl.PreviewUpdate(c.Context(), args[0], r, existing)
			}
			if err != nil {
				return err
			}
			return s.print(changes, func(t *rows) {
				t.head("what", "resource", "type", "stack", "changed")
				for _, ch := range changes {
					t.add(ch.Verb, ch.Resource, ch.Type, ch.Stack, strings.Join(ch.Changed, ", "))
				}
			})
		},
	}
	f.operation(c)
	c.Flags().BoolVar(&existing, "existing", false, "keep what is not given")
	return c
}

func (s *session) stackValidate() *cobra.Command {
	var f source
	c := &cobra.Command{
		Use: "validate -t TEMPLATE", Short: "Check a template and list its parameters", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, r, err := s.changeRequest(c, &f, false)
			if err != nil {
				return err
			}
			v, err := cl.Validate(c.Context(), r)
			if err != nil {
				return err
			}
			return s.print(v, func(t *rows) {
				t.head("parameter", "type", "default", "description")
				for _, p := range v.Sorted() {
					t.add(p.Name, p.Type, plainOrEmpty(p.Default), p.Description)
				}
			})
		},
	}
	f.operation(c)
	return c
}

func plainOrEmpty(v any) string {
	if v == nil {
		return ""
	}
	return plain(v)
}

func (s *session) stackDelete() *cobra.Command {
	var wait bool
	c := &cobra.Command{
		Use: "delete STACK...", Short: "Delete stacks, with all that they made", Args: usage(cobra.MinimumNArgs(1)), ValidArgsFunction: s.stackNames,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := s.client()
			if err != nil {
				return err
			}
			for _, name := range args {
				if err := s.deleteOne(c.Context(), cl, name, wait); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&wait, "wait", false, "wait until they are gone, and show what happens")
	return c
}

func (s *session) deleteOne(ctx context.Context, cl *client.Client, name string, wait bool) error {
	st, err := cl.Stack(ctx, name)
	if err != nil {
		return err
	}
	last, err := s.lastEvent(ctx, cl, st.ID)
	if err != nil {
		return err
	}
	if err := cl.Delete(ctx, st.ID); err != nil {
		return err
	}
	if !wait {
		_, err := fmt.Fprintf(s.out, "deleting %s\n", st.Name)
		return err
	}
	return s.follow(ctx, cl, st.ID, last)
}

func (s *session) stackSignal() *cobra.Command {
	var body string
	c := &cobra.Command{
		Use: "signal STACK RESOURCE", Short: "Send a signal to a resource", Args: exactly(2), ValidArgsFunction: s.stackNames,
		Example: `  stoker stack signal hello scale_up
  stoker stack signal hello ready --body '{"status": "SUCCESS"}'`,
		RunE: func(c *cobra.Command, args []string) error {
			doc := map[string]any{}
			if body != "" {
				if err := json.Unmarshal([]byte(body), &doc); err != nil {
					return usageError{fmt.Errorf("--body: want a JSON object: %w", err)}
				}
			}
			cl, err := s.client()
			if err != nil {
				return err
			}
			return cl.Signal(c.Context(), args[0], args[1], doc)
		},
	}
	c.Flags().StringVar(&body, "body", "", "what the signal says, a JSON object")
	return c
}

// failedStack makes an error of a stack that is FAILED.
func failedStack(st *client.Stack) error {
	return &failedError{fmt.Sprintf("stack %s is %s: %s", st.Name, st.Status, st.StatusReason)}
}
