package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/client"
)

// stackSnapshot are the commands for what a stack was at some moments.
func (s *session) stackSnapshot() *cobra.Command {
	c := &cobra.Command{Use: "snapshot", Short: "Keep what is wanted of a stack, and go back to it", Aliases: []string{"snapshots"}}
	return family(c, s.snapshotCreate(), s.snapshotList(), s.snapshotShow(), s.snapshotDelete(), s.snapshotRestore())
}

func (s *session) snapshotCreate() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use: "create STACK", Short: "Take a snapshot of a stack", Args: exactly(1), ValidArgsFunction: s.stackNames,
		RunE: s.clientDo(func(ctx context.Context, cl *client.Client, args []string) error {
			shot, err := takeSnapshot(ctx, cl, args[0], name)
			if err != nil {
				return err
			}
			return s.showSnapshot(shot)
		}),
	}
	c.Flags().StringVar(&name, "name", "", "what it is called, for people")
	return c
}

// takeSnapshot waits for the end, which is near: nothing is asked of a driver.
func takeSnapshot(ctx context.Context, cl *client.Client, stack, name string) (*client.Snapshot, error) {
	shot, err := cl.TakeSnapshot(ctx, stack, name)
	if err != nil {
		return nil, err
	}
	id := shot.ID
	err = every(ctx, poll, func() (bool, error) {
		shot, err = cl.Snapshot(ctx, stack, id)
		return err == nil && shot.Status != "IN_PROGRESS", err
	})
	return shot, err
}

// snapshotID finds a snapshot that is given by its ID or its name.
func snapshotID(ctx context.Context, cl *client.Client, stack, word string) (string, error) {
	list, err := cl.Snapshots(ctx, stack)
	if err != nil {
		return "", err
	}
	named := ""
	for _, shot := range list {
		switch {
		case shot.ID == word:
			return word, nil
		case shot.Name == word && named != "":
			return "", stoker.Errorf(stoker.Conflict, "several snapshots are called %q, give an ID", word)
		case shot.Name == word:
			named = shot.ID
		}
	}
	if named == "" {
		return word, nil // the server says that there is none
	}
	return named, nil
}

func (s *session) snapshotList() *cobra.Command {
	return &cobra.Command{
		Use: "list STACK", Short: "List a stack's snapshots", Args: exactly(1), Aliases: []string{"ls"}, ValidArgsFunction: s.stackNames,
		RunE: s.clientDo(func(ctx context.Context, cl *client.Client, args []string) error {
			list, err := cl.Snapshots(ctx, args[0])
			if err != nil {
				return err
			}
			return s.print(list, func(t *rows) {
				t.head("id", "name", "status", "created")
				for _, shot := range list {
					t.add(shot.ID, shot.Name, shot.Status, moment(shot.Created))
				}
			})
		}),
	}
}

func (s *session) snapshotShow() *cobra.Command {
	return &cobra.Command{
		Use: "show STACK SNAPSHOT", Short: "Show a snapshot; -o yaml has what it holds too", Args: exactly(2), ValidArgsFunction: s.stackNames,
		RunE: s.clientDo(func(ctx context.Context, cl *client.Client, args []string) error {
			id, err := snapshotID(ctx, cl, args[0], args[1])
			if err != nil {
				return err
			}
			shot, err := cl.Snapshot(ctx, args[0], id)
			if err != nil {
				return err
			}
			return s.showSnapshot(shot)
		}),
	}
}

func (s *session) showSnapshot(shot *client.Snapshot) error {
	return s.print(shot, func(t *rows) {
		t.field("id", shot.ID)
		t.field("name", shot.Name)
		t.field("status", shot.Status)
		t.field("reason", shot.StatusReason)
		t.field("created", shot.Created)
	})
}

func (s *session) snapshotDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete STACK SNAPSHOT", Short: "Remove a snapshot", Args: exactly(2), ValidArgsFunction: s.stackNames,
		RunE: s.clientDo(func(ctx context.Context, cl *client.Client, args []string) error {
			id, err := snapshotID(ctx, cl, args[0], args[1])
			if err != nil {
				return err
			}
			return cl.DeleteSnapshot(ctx, args[0], id)
		}),
	}
}

func (s *session) snapshotRestore() *cobra.Command {
	var wait bool
	c := &cobra.Command{
		Use: "restore STACK SNAPSHOT", Short: "Update a stack to what was wanted of it when a snapshot was taken", Args: exactly(2), ValidArgsFunction: s.stackNames,
		RunE: func(c *cobra.Command, args []string) error {
			return s.begin(c.Context(), args[0], wait, func(cl *client.Client, id string) error {
				shot, err := snapshotID(c.Context(), cl, id, args[1])
				if err != nil {
					return err
				}
				return cl.Restore(c.Context(), id, shot)
			})
		},
	}
	c.Flags().BoolVar(&wait, "wait", false, "wait until it is done, and show what happens")
	return c
}

// clientDo runs something with a client of the server.
func (s *session) clientDo(do func(ctx context.Context, cl *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		cl, err := s.client()
		if err != nil {
			return err
		}
		return do(c.Context(), cl, args)
	}
}
