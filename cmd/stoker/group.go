package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoker-project/stoker/client"
)

func (s *session) group() *cobra.Command {
	c := &cobra.Command{Use: "group", Short: "Look at groups and change their size", Aliases: []string{"groups"}}
	return family(c, s.groupList(), s.groupShow(), s.groupResize(), s.groupFreeze(), s.groupThaw())
}

const groupHelp = "A group is named as STACK/RESOURCE, by its ID, or by the resource's name where\nonly one group has it."

func (s *session) groupNames(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cl, err := s.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	groups, err := cl.Groups(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, g := range groups {
		names = append(names, g.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (s *session) groupList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List groups", Args: exactly(0), Aliases: []string{"ls"},
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := s.client()
			if err != nil {
				return err
			}
			groups, err := cl.Groups(c.Context())
			if err != nil {
				return err
			}
			return s.print(groups, func(t *rows) {
				t.head("group", "serving", "size", "min", "max", "state", "why")
				for _, g := range groups {
					t.add(g.Name, g.Serving, g.Size, g.Min, g.Max, groupState(&g), lastWhy(&g))
				}
			})
		},
	}
}

func groupState(g *client.Group) string {
	switch {
	case g.Failed:
		return "failed"
	case g.FrozenUntil != nil && g.FrozenUntil.After(time.Now()):
		return "frozen"
	case g.InFlight:
		return "changing"
	}
	return "steady"
}

func lastWhy(g *client.Group) string {
	if g.Last == nil {
		return ""
	}
	return g.Last.Why
}

func (s *session) groupShow() *cobra.Command {
	return &cobra.Command{
		Use: "show GROUP", Short: "Show a group and its members", Long: "Show a group and its members. " + groupHelp, Args: exactly(1), ValidArgsFunction: s.groupNames,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := s.client()
			if err != nil {
				return err
			}
			g, err := cl.Group(c.Context(), args[0])
			if err != nil {
				return err
			}
			return s.showGroup(g)
		},
	}
}

func (s *session) showGroup(g *client.Group) error {
	return s.print(g, func(t *rows) {
		t.field("group", g.Name)
		t.field("id", g.ID)
		t.field("state", groupState(g))
		t.field("reason", g.StatusReason)
		t.field("size", fmt.Sprintf("%d serving of %d wanted (%d to %d)", g.Serving, g.Size, g.Min, g.Max))
		if g.CooldownEnd != nil && g.CooldownEnd.After(time.Now()) {
			t.field("cooldown until", g.CooldownEnd)
		}
		if g.FrozenUntil != nil && g.FrozenUntil.After(time.Now()) {
			t.field("frozen until", when(*g.FrozenUntil)+" "+g.FrozenReason)
		}
		t.field("why", lastWhy(g))
		for _, m := range g.Members {
			t.add("member "+m.Name, strings.TrimSpace(m.Status+" "+m.Reason))
		}
	})
}

func (s *session) groupResize() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "resize GROUP SIZE", Short: "Set a group's size by hand", Args: exactly(2), ValidArgsFunction: s.groupNames,
		Long: "Set a group's size by hand. Scalers go on: freeze the group to keep the size.\n" + groupHelp,
		RunE: func(c *cobra.Command, args []string) error {
			size, err := strconv.Atoi(args[1])
			if err != nil {
				return usageError{fmt.Errorf("size %q: want a number", args[1])}
			}
			cl, err := s.client()
			if err != nil {
				return err
			}
			g, err := cl.Resize(c.Context(), args[0], size, reason)
			if err != nil {
				return err
			}
			return s.showGroup(g)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return c
}

func (s *session) groupFreeze() *cobra.Command {
	var reason string
	var long time.Duration
	c := &cobra.Command{
		Use: "freeze GROUP --for DURATION", Short: "Keep scalers and policies from changing a group for a time", Long: "Keep scalers and policies from changing a group for a time. " + groupHelp, Args: exactly(1), ValidArgsFunction: s.groupNames,
		RunE: func(c *cobra.Command, args []string) error {
			if long <= 0 {
				return usageError{fmt.Errorf("--for %s: want a time like 30m", long)}
			}
			return s.setFreeze(c, args[0], time.Now().Add(long), reason)
		},
	}
	c.Flags().DurationVar(&long, "for", time.Hour, "how long")
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return c
}

func (s *session) groupThaw() *cobra.Command {
	return &cobra.Command{
		Use: "thaw GROUP", Short: "End a freeze", Args: exactly(1), ValidArgsFunction: s.groupNames,
		RunE: func(c *cobra.Command, args []string) error { return s.setFreeze(c, args[0], time.Time{}, "") },
	}
}

func (s *session) setFreeze(c *cobra.Command, group string, until time.Time, reason string) error {
	cl, err := s.client()
	if err != nil {
		return err
	}
	g, err := cl.Freeze(c.Context(), group, until, reason)
	if err != nil {
		return err
	}
	return s.showGroup(g)
}

const whyHelp = `Tell why a group has its size: the decisions of its scalers, the oldest first, also those that
did nothing. Decisions that are alike are told once, with their number.
` + groupHelp

func (s *session) why() *cobra.Command {
	var since time.Duration
	var d client.Decisions
	c := &cobra.Command{
		Use: "why GROUP", Short: "Tell why a group has its size", Long: whyHelp, Args: exactly(1), ValidArgsFunction: s.groupNames,
		Example: "  stoker why hello/web --since 10m --changes",
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := s.client()
			if err != nil {
				return err
			}
			if since > 0 {
				d.Since = time.Now().Add(-since)
			}
			list, err := cl.Decisions(c.Context(), args[0], d)
			if err != nil {
				return err
			}
			return s.print(list, func(t *rows) {
				t.head("time", "size", "why", "limited by", "times")
				for _, x := range list {
					t.add(when(x.Time), sizes(&x), whyText(&x), limiterText(&x), x.Count)
				}
			})
		},
	}
	f := c.Flags()
	f.DurationVar(&since, "since", 0, "only those of this last time, like 10m")
	f.BoolVar(&d.Changes, "changes", false, "only those that changed the size")
	f.IntVar(&d.Limit, "limit", 0, "only so many, the newest")
	return c
}

func sizes(d *client.Decision) string {
	if d.From == d.To {
		return strconv.Itoa(d.From)
	}
	return fmt.Sprintf("%d -> %d", d.From, d.To)
}

func whyText(d *client.Decision) string {
	if d.Error != "" {
		return d.Why + " (went wrong: " + d.Error + ")"
	}
	return d.Why
}

func limiterText(d *client.Decision) string {
	if d.Limiter != "" && d.Next != nil {
		return d.Limiter + " until " + d.Next.Local().Format("15:04:05")
	}
	return d.Limiter
}
