package app

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/client/cloud"
	"github.com/stoker-project/stoker/sink/zaqar"
)

// openSink runs what sends events and alarms to Zaqar, where there is one; nil otherwise. It runs
// longer than the engine, so that the last events are sent too.
func (a *parts) openSink() stoker.EventSink {
	config := a.Zaqar
	if config == nil {
		return nil // not a *zaqar.Sink that is nil
	}
	logins := &logins{open: cloud.OpenMessaging}
	login := func(project stoker.ProjectID) (CloudLogin, error) {
		return config.login(project, "zaqar", "send to Zaqar")
	}
	a.sink = zaqar.New(zaqar.Config{
		Allow: func(project stoker.ProjectID) error {
			_, err := login(project)
			return err
		},
		Connect: func(ctx context.Context, project stoker.ProjectID) (zaqar.Service, error) {
			how, err := login(project)
			if err != nil { // it was allowed when the stack was made
				return zaqar.Service{}, err
			}
			found, err := logins.connect(ctx, how)
			if err != nil {
				return zaqar.Service{}, err
			}
			return zaqar.Service{URL: found.URL, HTTP: found.HTTP}, nil
		},
		Logger: a.Logger,
	})
	a.life.run("event sinks", a.sink.Run)
	return a.sink
}

// queue tells whether a project's alarms may post to a queue.
func (a *parts) queue(project stoker.ProjectID, name string) error {
	if a.sink == nil {
		return &stoker.Error{Kind: stoker.Invalid, Message: "there is no Zaqar to post to",
			Hint: "Leave it out, or name a Zaqar in the configuration of Stoker, under zaqar."}
	}
	return a.sink.Check(project, stoker.SinkTarget{Queue: name})
}
