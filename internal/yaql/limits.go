package yaql

import (
	"fmt"
	"iter"
	"slices"
)

// Heat's limits (limit_iterators, memory_quota), and ours behind them.
const (
	// maxItems bounds what is walked through at once.
	maxItems = 200
	// maxSize bounds one value, by the memory it takes in Python without what is
	// in it: a text of about 10,000 characters, a list of about 1,200 items.
	maxSize = 10_000
	// maxSteps bounds the time, maxNesting the stack, maxBytes what functions
	// make in all.
	maxSteps   = 500_000
	maxNesting = 400
	maxBytes   = 64 << 20
)

func (e *evaluator) step() { e.charge(1) }

// charge counts work that grows with the size of values.
func (e *evaluator) charge(steps int) {
	if e.steps += steps; e.steps > maxSteps {
		fail("MemoryQuotaExceededException", fmt.Sprintf("Expression takes more than %d steps", maxSteps))
	}
}

func (e *evaluator) limitLen(n int) {
	if n > maxItems {
		fail("CollectionTooLargeException", fmt.Sprintf("Collection length exceeds %d elements", maxItems))
	}
}

// limitSize refuses values that are too large, and charges for those that are not small.
func (e *evaluator) limitSize(v any) any {
	n := sizeOf(v)
	if n > maxSize {
		tooMuch()
	}
	e.charge(n / 64)
	return v
}

func tooMuch() { fail("MemoryQuotaExceededException", "Expression consumed too much memory") }

// sizeOf is about sys.getsizeof().
func sizeOf(v any) int {
	switch v := v.(type) {
	case string:
		return 49 + len(v)
	case []any:
		return 40 + 8*len(v)
	}
	return 0
}

// limitMade counts what a function has made.
func (e *evaluator) limitMade(v any) any {
	switch v := v.(type) {
	case string:
		e.made += len(v)
	case []any:
		e.made += 16 * len(v)
	case *dict:
		e.made += 100 * len(v.keys)
		e.limitDict(v)
	case *set:
		e.made += 100 * len(v.keys)
	}
	if e.made > maxBytes {
		tooMuch()
	}
	return e.limitSize(v)
}

// limitDict keeps dicts from growing where they are made item by item.
func (e *evaluator) limitDict(d *dict) {
	if len(d.keys) > maxSize/8 {
		tooMuch()
	}
}

// items gives what can be walked through, within the limit; false for all else.
func (e *evaluator) items(v any) (iter.Seq[any], bool) {
	switch v := v.(type) {
	case []any:
		e.limitLen(len(v))
		return slices.Values(v), true
	case *set:
		e.limitLen(len(v.keys))
		return slices.Values(v.keys), true
	case seq:
		return e.limited(v.each), true
	case *ordered:
		return e.limited(v.each), true
	}
	return nil, false
}

func (e *evaluator) limited(each iter.Seq[any]) iter.Seq[any] {
	return func(yield func(any) bool) {
		n := 0
		for v := range each {
			e.step()
			n++
			e.limitLen(n)
			if !yield(v) {
				return
			}
		}
	}
}

// list makes a list of what can be walked through.
func list(items iter.Seq[any]) []any {
	out := []any{}
	for v := range items {
		out = append(out, v)
	}
	return out
}
