package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/stoker-project/stoker/client"
)

func (s *session) stackList() *cobra.Command {
	var l client.List
	c := &cobra.Command{
		Use: "list", Short: "List stacks", Args: exactly(0), Aliases: []string{"ls"},
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := s.client()
			if err != nil {
				return err
			}
			stacks, err := cl.Stacks(c.Context(), l)
			if err != nil {
				return err
			}
			return s.print(stacks, func(t *rows) {
				t.head("name", "status", "created", "updated", "id")
				for _, st := range stacks {
					t.add(st.Name, st.Status, moment(st.Created), moment(st.Updated), st.ID)
				}
			})
		},
	}
	f := c.Flags()
	f.BoolVar(&l.Nested, "nested", false, "list nested stacks too")
	f.BoolVar(&l.Deleted, "deleted", false, "list deleted stacks too")
	f.StringSliceVar(&l.Tags, "tags", nil, "only those with all of these tags")
	f.StringToStringVar(&l.Filters, "filter", nil, "only those that match, like status=FAILED")
	f.IntVar(&l.Limit, "limit", 0, "at most so many")
	f.StringVar(&l.Marker, "marker", "", "those after the stack of this ID")
	return c
}

func (s *session) stackShow() *cobra.Command {
	return &cobra.Command{
		Use: "show STACK", Short: "Show a stack", Args: exactly(1), ValidArgsFunction: s.stackNames,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := s.client()
			if err != nil {
				return err
			}
			st, err := cl.Stack(c.Context(), args[0])
			if err != nil {
				return err
			}
			return s.showStack(st)
		},
	}
}

func (s *session) showStack(st *client.Stack) error {
	return s.print(st, func(t *rows) {
		t.field("name", st.Name)
		t.field("id", st.ID)
		t.field("description", st.Description)
		t.field("status", st.Status)
		t.field("reason", st.StatusReason)
		t.field("created", st.Created)
		t.field("updated", st.Updated)
		t.field("deleted", st.Deleted)
		t.field("owner", st.Owner)
		t.field("parent", st.Parent)
		t.field("tags", st.Tags)
		for _, name := range slices.Sorted(maps.Keys(st.Parameters)) {
			t.add("parameter "+name, st.Parameters[name])
		}
		for _, o := range st.Outputs {
			t.add("output "+o.Key, outputText(o))
		}
	})
}

func outputText(o client.Output) string {
	if o.Error != "" {
		return "(" + o.Error + ")"
	}
	return plain(o.Value)
}

func (s *session) stackResources() *cobra.Command {
	var depth int
	c := &cobra.Command{
		Use: "resources STACK [RESOURCE]", Short: "List a stack's resources, or show one", Args: usage(cobra.RangeArgs(1, 2)), ValidArgsFunction: s.stackNames,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := s.client()
			if err != nil {
				return err
			}
			if len(args) == 2 {
				return s.showResource(c, cl, args[0], args[1])
			}
			list, err := cl.Resources(c.Context(), args[0], depth)
			if err != nil {
				return err
			}
			return s.print(list, func(t *rows) {
				t.head("name", "type", "status", "physical id", "stack", "reason")
				for _, r := range list {
					t.add(r.Name, r.Type, r.Status, r.PhysicalID, r.Stack, reasonOf(r))
				}
			})
		},
	}
	c.Flags().IntVar(&depth, "depth", 0, "levels of nested stacks to list too")
	return c
}

func (s *session) showResource(c *cobra.Command, cl *client.Client, stack, name string) error {
	r, err := cl.Resource(c.Context(), stack, name)
	if err != nil {
		return err
	}
	return s.print(r, func(t *rows) {
		t.field("name", r.Name)
		t.field("type", r.Type)
		t.field("status", r.Status)
		t.field("reason", reasonOf(*r))
		t.field("physical id", r.PhysicalID)
		t.field("created", r.Created)
		t.field("updated", r.Updated)
		t.field("required by", r.RequiredBy)
		for _, a := range slices.Sorted(maps.Keys(r.Attributes)) {
			t.add("attribute "+a, plain(r.Attributes[a]))
		}
	})
}

func (s *session) stackEvents() *cobra.Command {
	var e client.Events
	var follow bool
	c := &cobra.Command{
		Use: "events STACK [RESOURCE]", Short: "List what happened, the oldest first", Args: usage(cobra.RangeArgs(1, 2)), ValidArgsFunction: s.stackNames,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := s.client()
			if err != nil {
				return err
			}
			if len(args) == 2 {
				e.Resource = args[1]
			}
			events, err := cl.Events(c.Context(), args[0], e)
			if err != nil {
				return err
			}
			if follow {
				return s.followEvents(c.Context(), cl, args[0], e, events)
			}
			return s.print(events, func(t *rows) {
				t.head("time", "resource", "status", "reason")
				for _, ev := range events {
					t.add(when(ev.Time), ev.Resource, ev.Status, ev.Reason)
				}
			})
		},
	}
	f := c.Flags()
	f.IntVar(&e.Depth, "depth", 0, "levels of nested stacks to list too")
	f.IntVar(&e.Limit, "limit", 0, "at most so many")
	f.StringVar(&e.Marker, "marker", "", "those after the event of this ID")
	f.BoolVarP(&follow, "follow", "f", false, "go on with what happens, until interrupted")
	return c
}

func (s *session) stackOutputs() *cobra.Command {
	return &cobra.Command{
		Use: "outputs STACK [KEY]", Short: "Show a stack's outputs, or the value of one", Args: usage(cobra.RangeArgs(1, 2)), ValidArgsFunction: s.stackNames,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := s.client()
			if err != nil {
				return err
			}
			outs, err := cl.Outputs(c.Context(), args[0])
			if err != nil {
				return err
			}
			if len(args) == 2 {
				return s.oneOutput(outs, args[1])
			}
			return s.print(outs, func(t *rows) {
				t.head("output", "value", "description")
				for _, o := range outs {
					t.add(o.Key, outputText(o), o.Description)
				}
			})
		},
	}
}

// oneOutput prints a value alone, for scripts.
func (s *session) oneOutput(outs []client.Output, key string) error {
	i := slices.IndexFunc(outs, func(o client.Output) bool { return o.Key == key })
	if i < 0 {
		return notOutput(key, outs)
	}
	if outs[i].Error != "" {
		return fmt.Errorf("output %q has no value: %s", key, outs[i].Error)
	}
	return s.print(outs[i].Value, func(t *rows) { t.add(plain(outs[i].Value)) })
}

// reasonOf leaves out the reason that Heat gives where there is none.
func reasonOf(r client.Resource) string {
	if r.StatusReason == "state changed" {
		return ""
	}
	return r.StatusReason
}
