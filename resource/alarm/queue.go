package alarm

import (
	"net/url"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
)

// zaqar begins the addresses of queues among an alarm's actions, as Aodh has them
// (aodh/notifier/zaqar.py): trust+zaqar://?queue_name=Q. The properties that end in _queues
// become such addresses, as in Heat.
const zaqar = "zaqar://"

// queueOf is the queue that an address names.
func queueOf(address string) (string, bool) {
	rest, ok := strings.CutPrefix(address, zaqar)
	if !ok {
		return "", false
	}
	_, query, _ := strings.Cut(rest, "?")
	values, err := url.ParseQuery(query)
	return values.Get("queue_name"), err == nil
}

// readActions reads the addresses of one list, and the queues beside it.
func readActions(v request.Values, kind string) []string {
	actions := untrusted(v.Strings(kind + "_actions"))
	for _, q := range v.Strings(kind + "_queues") {
		actions = append(actions, zaqar+"?queue_name="+url.QueryEscape(q))
	}
	return actions
}

// postable refuses queues that an alarm of the project may not post to.
func (d Deps) postable(project stoker.ProjectID, r *reading) error {
	for _, list := range []struct {
		kind    string
		actions []string
	}{{"alarm", r.onAlarm}, {"insufficient_data", r.onMissing}, {"ok", r.onOK}} {
		for _, address := range list.actions {
			q, ok := queueOf(address)
			if !ok {
				continue
			}
			if err := d.Queue(project, q); err != nil {
				return inProperty(list.kind+"_queues", err)
			}
		}
	}
	return nil
}
