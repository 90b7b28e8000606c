package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stoker-project/stoker/client"
)

// stackActions are the commands that do one thing with a whole stack.
func (s *session) stackActions() []*cobra.Command {
	return []*cobra.Command{
		s.stackAction("check", "check", "Look at every resource; what has been lost is replaced by the next update"),
		s.stackAction("suspend", "suspend", "Put a stack to rest: its servers keep their memory and serve nothing"),
		s.stackAction("resume", "resume", "Wake a suspended stack"),
		s.stackCancel(), s.stackMark(), s.stackHook(), s.stackSnapshot(), s.stackExport(), s.stackAbandon(), s.stackAdopt(),
	}
}

func (s *session) stackAction(name, action, short string) *cobra.Command {
	var wait bool
	c := &cobra.Command{
		Use: name + " STACK", Short: short, Args: exactly(1), ValidArgsFunction: s.stackNames,
		RunE: func(c *cobra.Command, args []string) error { return s.act(c.Context(), args[0], action, wait) },
	}
	c.Flags().BoolVar(&wait, "wait", false, "wait until it is done, and show what happens")
	return c
}

// act begins an action and tells how the stack is then.
func (s *session) act(ctx context.Context, name, action string, wait bool) error {
	return s.begin(ctx, name, wait, func(cl *client.Client, id string) error { return cl.Act(ctx, id, action) })
}

// begin has something done with a stack, waits for its end if told to, and shows
// the stack.
func (s *session) begin(ctx context.Context, name string, wait bool, do func(cl *client.Client, id string) error) error {
	cl, err := s.client()
	if err != nil {
		return err
	}
	st, err := cl.Stack(ctx, name)
	if err != nil {
		return err
	}
	last, err := s.lastEvent(ctx, cl, st.ID)
	if err != nil {
		return err
	}
	if err := do(cl, st.ID); err != nil {
		return err
	}
	return s.finish(ctx, cl, st.ID, last, wait)
}

func (s *session) stackCancel() *cobra.Command {
	var stay bool
	c := &cobra.Command{
		Use: "cancel STACK", Short: "Give up an update and go back to what was before it", Args: exactly(1), ValidArgsFunction: s.stackNames,
		Long: `Give up an update and go back to what was before it. With --no-rollback the update,
or the creation, only stops where it is.`,
		RunE: func(c *cobra.Command, args []string) error {
			action := "cancel_update"
			if stay {
				action = "cancel_without_rollback"
			}
			return s.act(c.Context(), args[0], action, false)
		},
	}
	c.Flags().BoolVar(&stay, "no-rollback", false, "stop where it is")
	return c
}

func (s *session) stackHook() *cobra.Command {
	return &cobra.Command{
		Use: "hook STACK RESOURCE HOOK", Short: "Let a resource go on that waits at a hook, like pre-update", Args: exactly(3), ValidArgsFunction: s.stackNames,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := s.client()
			if err != nil {
				return err
			}
			return cl.Signal(c.Context(), args[0], args[1], map[string]any{"unset_hook": args[2]})
		},
	}
}

func (s *session) stackMark() *cobra.Command {
	var well bool
	var reason string
	c := &cobra.Command{
		Use: "mark STACK RESOURCE", Short: "Say that a resource is sick: the next update replaces it", Args: exactly(2), ValidArgsFunction: s.stackNames,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := s.client()
			if err != nil {
				return err
			}
			if err := cl.Mark(c.Context(), args[0], args[1], !well, reason); err != nil {
				return err
			}
			r, err := cl.Resource(c.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(s.out, "%s is %s\n", r.Name, r.Status)
			return err
		},
	}
	c.Flags().BoolVar(&well, "well", false, "take it back")
	c.Flags().StringVar(&reason, "reason", "", "why, for people")
	return c
}
