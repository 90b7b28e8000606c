package hot_test

import (
	"fmt"
	"testing"
)

// Sinks are read with Heat's defaults, each queue once, and nested stacks inherit them.
func TestSinks(t *testing.T) {
	env := environment(t, `
event_sinks:
- {type: zaqar-queue, target: a}
- {type: zaqar-queue, target: b, ttl: 60}
- {type: zaqar-queue, target: a, ttl: "120"}
- {type: zaqar-queue, target: c.d-e_f, ttl: null}
`)
	const want = "[{b 1m0s} {a 2m0s} {c.d-e_f 1h0m0s}]"
	if got := fmt.Sprint(env.Sinks()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := fmt.Sprint(env.Child("r").Sinks()); got != want {
		t.Errorf("of a nested stack: got %s, want %s", got, want)
	}
	more := environment(t, "event_sinks: [{type: zaqar-queue, target: b, ttl: 60}, {type: zaqar-queue, target: z}]")
	if got := fmt.Sprint(env.Patch(more).EventSinks); got != fmt.Sprint(append(env.EventSinks, more.EventSinks[1])) {
		t.Errorf("patched: got %s", got)
	}
}
