package openstack

import (
	"fmt"

	"github.com/stoker-project/stoker/internal/request"
)

// waitHint is the scheduler's hint that makes a server complete only when its user data
// has been run. Hints are for the cloud and not for the server, and OpenStack takes those
// that it does not know: such a template works there too, without the waiting.
const (
	waitHint     = "stoker_wait"
	waitUserData = "user_data"
)

func waitsForUserData(v request.Values) bool {
	return v.Map("scheduler_hints")[waitHint] == waitUserData
}

func checkWait(v request.Values) error {
	if how, ok := v.Map("scheduler_hints")[waitHint]; ok && how != waitUserData {
		return refused("scheduler_hints."+waitHint, fmt.Sprintf("%v is nothing to wait for", how), "Give user_data, or leave it out.")
	}
	return nil
}
