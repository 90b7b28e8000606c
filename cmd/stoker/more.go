package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stoker-project/stoker/client"
)

func (s *session) logs() *cobra.Command {
	var tail int
	var follow bool
	c := &cobra.Command{
		Use: "logs SERVER|STACK|STACK/RESOURCE|GROUP", Short: "Show the output of servers", Args: exactly(1),
		Long: "Show the output of one server, or of all of a stack, resource or group: then each line\nbegins with its server's name.",
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := s.client()
			if err != nil {
				return err
			}
			in, err := cl.Logs(c.Context(), args[0], tail, follow)
			if err != nil {
				return err
			}
			defer in.Close()
			_, err = io.Copy(s.out, in)
			if c.Context().Err() != nil {
				return errInterrupted
			}
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return fmt.Errorf("the server ended while its log was read: %w", err)
			}
			return err
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes, until interrupted")
	c.Flags().IntVar(&tail, "tail", -1, "only so many last lines of each server")
	return c
}

func (s *session) resourceType() *cobra.Command {
	c := &cobra.Command{Use: "resource-type", Short: "Look at what templates can be made of", Aliases: []string{"resource-types", "types"}}
	return family(c, s.typeList(), s.typeShow())
}

func (s *session) typeList() *cobra.Command {
	return &cobra.Command{
		Use: "list [PATTERN]", Short: "List resource types, those that match a regular expression", Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := s.client()
			if err != nil {
				return err
			}
			types, err := cl.Types(c.Context(), strings.Join(args, ""))
			if err != nil {
				return err
			}
			return s.print(types, func(t *rows) {
				t.head("type", "description")
				for _, ty := range types {
					t.add(ty.Name, sentence(ty.Description))
				}
			})
		},
	}
}

// sentence is the first one of a text.
func sentence(text string) string {
	first, _, _ := strings.Cut(strings.ReplaceAll(text, "\n", " "), ". ")
	return strings.TrimSuffix(first, ".")
}

func (s *session) typeShow() *cobra.Command {
	return &cobra.Command{
		Use: "show TYPE", Short: "Show a resource type's properties and attributes", Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := s.client()
			if err != nil {
				return err
			}
			ty, err := cl.Type(c.Context(), args[0])
			if err != nil {
				return err
			}
			return s.print(ty, func(t *rows) {
				t.head(ty.Name, "type", "", "description")
				for _, name := range slices.Sorted(maps.Keys(ty.Properties)) {
					p := ty.Properties[name]
					t.add("property "+name, p.Type, traits(p), p.Description)
				}
				for _, name := range slices.Sorted(maps.Keys(ty.Attributes)) {
					a := ty.Attributes[name]
					t.add("attribute "+name, a.Type, "", a.Description)
				}
			})
		},
	}
}

func traits(p client.Property) string {
	var out []string
	if p.Required {
		out = append(out, "required")
	}
	if p.Default != nil {
		out = append(out, "default "+plain(p.Default))
	}
	switch {
	case p.Immutable:
		out = append(out, "immutable")
	case !p.Update:
		out = append(out, "change replaces")
	}
	return strings.Join(out, ", ")
}

func (s *session) status() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Tell how the server is", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := s.client()
			if err != nil {
				return err
			}
			st, err := cl.Status(c.Context())
			if err != nil {
				return err
			}
			return s.print(st, func(t *rows) {
				t.field("version", st.Version)
				t.field("started", st.Started)
				t.field("project", st.Project)
				t.field("drivers", st.Drivers)
				t.field("balancer", st.Balancer)
				t.field("store", st.Store)
				t.add("stacks", st.Stacks)
				t.add("groups", st.Groups)
				t.add("servers", st.Servers)
			})
		},
	}
}

func (s *session) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			return s.print(map[string]string{"version": version}, func(t *rows) { t.add("stoker " + version) })
		},
	}
}
