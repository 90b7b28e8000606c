package stack

import "github.com/stoker-project/stoker"

// batches plans a rolling update: how large the group is in each step, and how
// many members get the new definition in it. It may exceed the target for a time,
// so that min stay in service. This is Heat's rolling_update.py; a ResourceGroup
// counts what was updated otherwise than the other groups do.
func batches(target, current int, r stoker.RollingUpdate, names stoker.Naming) []stoker.GroupBatch {
	var out []stoker.GroupBatch
	if names == stoker.ByList {
		// Who comes and who leaves does so in the first step.
		for n := 0; n < current; n += max(r.MaxBatch, 1) {
			out = append(out, stoker.GroupBatch{Size: target, Update: max(r.MaxBatch, 1)})
		}
		return out
	}
	updated := 0
	largest := max(r.MaxBatch, 1)
	for updated < current || current != target {
		inService := min(r.MinInService, target, current)
		n := min(largest, max(target-updated, 0))
		size := n + max(min(current, target-n), inService)
		out = append(out, stoker.GroupBatch{Size: size, Update: n})
		if names == stoker.ByIndex {
			updated += n - max(size-max(current, target), 0)
		} else {
			updated += n
		}
		current = size
	}
	return out
}

// createBatches makes a new group grow in steps.
func createBatches(target, largest int) []stoker.GroupBatch {
	var out []stoker.GroupBatch
	largest = max(largest, 1)
	for n := min(largest, target); ; n = min(n+largest, target) {
		out = append(out, stoker.GroupBatch{Size: n})
		if n == target {
			return out
		}
	}
}
