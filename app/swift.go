package app

import (
	"context"

	"github.com/stoker-project/stoker"
	heatapi "github.com/stoker-project/stoker/api/heat"
	"github.com/stoker-project/stoker/client/cloud"
	"github.com/stoker-project/stoker/internal/swift"
)

// container reads the files of a project in Swift, where there is one; nil otherwise.
func (a *parts) container() heatapi.FetchFiles {
	config := a.Swift
	if config == nil {
		return nil
	}
	logins := &logins{open: cloud.OpenObjectStore}
	return func(ctx context.Context, project stoker.ProjectID, name string, skip func(string) bool, limit int64) (map[string]string, error) {
		how, err := config.login(project, "swift", "have files in Swift")
		if err != nil {
			return nil, err
		}
		found, err := logins.connect(ctx, how)
		if err != nil {
			return nil, err
		}
		return swift.Account{URL: found.URL, HTTP: found.HTTP}.Files(ctx, name, skip, limit)
	}
}
