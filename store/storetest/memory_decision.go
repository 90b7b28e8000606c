package storetest

import (
	"context"
	"maps"
	"slices"

	"github.com/stoker-project/stoker"
)

// SaveDecisions inserts or replaces.
func (m *Memory) SaveDecisions(ctx context.Context, ds []*stoker.Decision, states []stoker.ScalerState) error {
	d, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer d.mu.Unlock()
	for _, dec := range ds {
		d.saveDecision(dec)
	}
	for _, s := range states {
		s.LastUp, s.LastDown = utc(s.LastUp), utc(s.LastDown)
		d.scalers[s.Scaler] = s
	}
	return nil
}

func (d *data) saveDecision(dec *stoker.Decision) {
	if dec.Seq == 0 {
		d.decisionSeq++
		dec.Seq = d.decisionSeq
		d.decisions = append(d.decisions, cloneDecision(dec))
		d.decided[dec.Group]++
		d.ageDecisions(dec.Group)
		return
	}
	// A decision that has aged out meanwhile stays out.
	i, found := slices.BinarySearchFunc(d.decisions, dec.Seq, func(o *stoker.Decision, seq int64) int {
		return int(o.Seq - seq)
	})
	if found {
		d.decisions[i] = cloneDecision(dec)
	}
}

func (d *data) ageDecisions(group stoker.StackID) {
	surplus := d.decided[group] - keepDecisions
	if surplus <= decisionSlack {
		return
	}
	d.decided[group] = keepDecisions
	d.decisions = slices.DeleteFunc(d.decisions, func(o *stoker.Decision) bool {
		if surplus == 0 || o.Group != group {
			return false
		}
		surplus--
		return true
	})
}

func cloneDecision(dec *stoker.Decision) *stoker.Decision {
	c := *dec
	c.Time, c.LastTime, c.Next = utc(dec.Time), utc(dec.LastTime), utc(dec.Next)
	c.Signals = maps.Clone(dec.Signals)
	return &c
}

// Decisions gives the newest that match, the oldest first.
func (m *Memory) Decisions(ctx context.Context, f stoker.DecisionFilter) ([]*stoker.Decision, error) {
	d, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	var out []*stoker.Decision
	for _, dec := range slices.Backward(d.decisions) {
		if f.Limit > 0 && len(out) == f.Limit {
			break
		}
		if f.Group != "" && dec.Group != f.Group || f.Scaler != "" && dec.Scaler != f.Scaler ||
			dec.LastTime.Before(f.Since) || f.Changes && dec.From == dec.To {
			continue
		}
		out = append(out, cloneDecision(dec))
	}
	slices.Reverse(out)
	return out, nil
}

// ScalerState gives the zero state for an unknown scaler, but for its ID.
func (m *Memory) ScalerState(ctx context.Context, id stoker.ScalerID) (stoker.ScalerState, error) {
	d, err := m.lock(ctx)
	if err != nil {
		return stoker.ScalerState{}, err
	}
	defer d.mu.Unlock()
	if s, ok := d.scalers[id]; ok {
		return s, nil
	}
	return stoker.ScalerState{Scaler: id}, nil
}

// ForgetScaler removes the state.
func (m *Memory) ForgetScaler(ctx context.Context, id stoker.ScalerID) error {
	d, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer d.mu.Unlock()
	delete(d.scalers, id)
	return nil
}
