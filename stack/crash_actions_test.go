package stack_test

import (
	"context"

	"github.com/stoker-project/stoker"
)

// actionStories are those of the actions that are neither create, update nor delete.
func actionStories() []story {
	return []story{
		{name: "check", prepare: steps(createApp, resizeTo(2)), do: check, servers: 2, image: "one"},
		{name: "suspend", prepare: steps(createApp, resizeTo(2)), do: suspend, servers: 2, image: "one", asleep: true},
		{name: "resume", prepare: steps(createApp, resizeTo(2), suspend), do: resume, servers: 2, image: "one"},
		{name: "converge", prepare: steps(createApp, resizeTo(2)), do: convergeApp, servers: 2, image: "two"},
		{name: "cancel", prepare: steps(createApp, resizeTo(2), slowServers), do: cancelApp, servers: 2, image: "one"},
		{name: "restore", prepare: steps(createApp, resizeTo(2), takeShot, updateApp), do: restoreShot, servers: 2, image: "one"},
		{name: "delete what rests", prepare: steps(createApp, resizeTo(2), suspend), do: deleteApp, servers: 0},
	}
}

func (m *machine) onApp(ctx context.Context, do func(context.Context, stoker.StackID) error) error {
	st, err := m.find(ctx)
	if err != nil {
		return err
	}
	return do(ctx, st.ID)
}

func check(ctx context.Context, m *machine) error   { return m.onApp(ctx, m.engine.Check) }
func suspend(ctx context.Context, m *machine) error { return m.onApp(ctx, m.engine.Suspend) }
func resume(ctx context.Context, m *machine) error  { return m.onApp(ctx, m.engine.Resume) }

func convergeApp(ctx context.Context, m *machine) error {
	st, err := m.find(ctx)
	if err != nil || st.Action == stoker.ActionUpdate {
		return err
	}
	in := crashInput("two")
	in.Converge = true
	return m.engine.Update(ctx, st.ID, in)
}

// slowServers keeps new servers in BUILD, so that an update is under way until it
// is cancelled.
func slowServers(_ context.Context, m *machine) error {
	m.servers.Build(true)
	return nil
}

func cancelApp(ctx context.Context, m *machine) error {
	st, err := m.find(ctx)
	if err != nil || st.Action == stoker.ActionRollback {
		return err
	}
	if st.Action != stoker.ActionUpdate {
		if err := m.engine.Update(ctx, st.ID, crashInput("two")); err != nil {
			return err
		}
	}
	return m.engine.CancelUpdate(ctx, st.ID)
}
