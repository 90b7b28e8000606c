package scale

import (
	"log/slog"

	"github.com/stoker-project/stoker"
)

// teller passes decisions on to Config.OnDecision, beside the scalers.
type teller struct {
	call  func(*stoker.Decision)
	queue chan *stoker.Decision
	log   *slog.Logger
}

func newTeller(call func(*stoker.Decision), log *slog.Logger) *teller {
	return &teller{call: call, queue: make(chan *stoker.Decision, 1000), log: log}
}

// tell never blocks: where the queue is full the decision is not told.
func (t *teller) tell(d *stoker.Decision) {
	if t.call == nil {
		return
	}
	told := *d
	select {
	case t.queue <- &told:
	default:
		t.log.Warn("decision not told: the listener is too slow", "scaler", d.Scaler)
	}
}

// run tells until quiet is closed, and then what is left.
func (t *teller) run(quiet <-chan struct{}) {
	for {
		select {
		case d := <-t.queue:
			t.call(d)
		case <-quiet:
			for len(t.queue) > 0 {
				t.call(<-t.queue)
			}
			return
		}
	}
}
