package app

import (
	"context"
	"fmt"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/client/cloud"
	"github.com/stoker-project/stoker/sink/zaqar"
)

// openSink runs what sends events to Zaqar, where there is one; nil otherwise. It runs
// longer than the engine, so that the last events are sent too.
func (a *parts) openSink() stoker.EventSink {
	config := a.Zaqar
	if config == nil {
		return nil
	}
	logins := &logins{open: cloud.OpenMessaging}
	s := zaqar.New(zaqar.Config{
		Allow: func(project stoker.ProjectID) error {
			if _, ok := config.login(project); ok {
				return nil
			}
			return &stoker.Error{Kind: stoker.Forbidden, Path: "event_sinks", Message: fmt.Sprintf("event_sinks: project %q may not send events to Zaqar", project),
				Hint: "The configuration of Stoker allows it under zaqar.projects."}
		},
		Connect: func(ctx context.Context, project stoker.ProjectID) (zaqar.Service, error) {
			how, ok := config.login(project)
			if !ok {
				return zaqar.Service{}, stoker.Errorf(stoker.Forbidden, "project %q may not send events to Zaqar any more", project)
			}
			found, err := logins.connect(ctx, how)
			if err != nil {
				return zaqar.Service{}, err
			}
			return zaqar.Service{URL: found.URL, HTTP: found.HTTP}, nil
		},
		Logger: a.Logger,
	})
	a.life.run("event sinks", s.Run)
	return s
}
