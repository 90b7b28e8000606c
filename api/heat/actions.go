package heat

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/value"
)

// action is POST .../actions: one word, whose value does not count.
func (s *server) action(ctx context.Context, c *call) (reply, error) {
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return reply{}, err
	}
	text, err := readBody(c.Body)
	if err != nil {
		return reply{}, err
	}
	body, err := value.DecodeMap([]byte(strings.TrimSpace(string(text))))
	if err != nil {
		return reply{}, refuse("HTTPBadRequest", "the request's body: %w", err)
	}
	do, err := s.actionOf(body)
	if err == nil {
		err = do(ctx, st.ID)
	}
	return reply{body: null}, err
}

func (s *server) actionOf(body map[string]any) (func(context.Context, stoker.StackID) error, error) {
	switch {
	case len(body) == 0:
		return nil, refuse("HTTPBadRequest", "No action specified")
	case len(body) > 1:
		return nil, refuse("HTTPBadRequest", "Multiple actions specified")
	}
	for word := range body {
		switch word {
		case "check":
			return s.engine.Check, nil
		case "suspend":
			return s.engine.Suspend, nil
		case "resume":
			return s.engine.Resume, nil
		case "cancel_update":
			return s.engine.CancelUpdate, nil
		case "cancel_without_rollback":
			return s.engine.CancelWithoutRollback, nil
		default:
			return nil, refuse("HTTPBadRequest", "Invalid action %s specified", word)
		}
	}
	return nil, nil // not reached: there is one word
}

// The members of a request to mark a resource.
const (
	markUnhealthy = "mark_unhealthy"
	statusReason  = "resource_status_reason"
)

// markResource is PATCH .../resources/{resource}.
func (s *server) markResource(ctx context.Context, c *call) (reply, error) {
	v, err := s.resourceIn(ctx, c)
	if err != nil {
		return reply{}, err
	}
	text, err := readBody(c.Body)
	if err != nil {
		return reply{}, err
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(text, &body); err != nil {
		return reply{}, refuse("HTTPBadRequest", "the request's body: %w", value.Explain(err))
	}
	sick, reason, err := marking(body)
	if err == nil {
		err = s.engine.Mark(ctx, v.Stack.ID, v.Name, sick, reason)
	}
	return reply{}, err
}

func marking(body map[string]json.RawMessage) (sick bool, reason string, err error) {
	var strange []string
	for key := range body {
		if key != markUnhealthy && key != statusReason {
			strange = append(strange, key)
		}
	}
	if len(strange) > 0 {
		slices.Sort(strange)
		return false, "", refuse("HTTPBadRequest", "Invalid keys in resource mark unhealthy %s", strings.Join(strange, ", "))
	}
	raw, ok := body[markUnhealthy]
	if !ok {
		return false, "", refuse("HTTPBadRequest", "Missing mandatory (%s) key from mark unhealthy request", markUnhealthy)
	}
	if sick, err = boolean(markUnhealthy, strings.Trim(string(raw), `"`)); err != nil {
		return false, "", err
	}
	if raw := body[statusReason]; !absent(raw) {
		if err := json.Unmarshal(raw, &reason); err != nil {
			return false, "", refuse("HTTPBadRequest", "%s must be a string", statusReason)
		}
	}
	return sick, reason, nil
}
