package stack_test

import (
	"context"
	"encoding/json"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
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
		{name: "abandon", prepare: steps(createApp, resizeTo(2)), do: abandonApp, servers: 2, image: "one", left: true},
		{name: "adopt", prepare: steps(createApp, resizeTo(2), abandonApp), do: adoptApp, servers: 2, image: "one"},
		{name: "adopt and delete", prepare: steps(createApp, resizeTo(2), abandonApp), do: steps(adoptApp, deleteApp), servers: 0},
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
	// Once it is cancelled nothing need be slow: a server whose update was broken off by the
	// crash may have to be replaced.
	defer m.servers.Build(false)
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

// abandonApp gives the same data when it is asked again.
func abandonApp(ctx context.Context, m *machine) error {
	if m.app == "" {
		st, err := m.find(ctx)
		if err != nil {
			return err
		}
		m.app = st.ID
	}
	data, err := m.engine.Abandon(ctx, m.app)
	if err != nil {
		return err
	}
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &m.data)
}

func adoptApp(ctx context.Context, m *machine) error {
	if st, err := m.engine.Find(ctx, "", string(m.app)); err != nil || !st.Abandoned() {
		return err
	}
	_, err := m.engine.Adopt(ctx, stack.Input{Name: "app", DisableRollback: true}, m.data)
	return err
}
