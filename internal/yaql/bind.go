package yaql

// receiver is the position of what stands before the point.
const receiver = -1

// assignment assigns arguments to the parameters of an overload: positions in the
// arguments, receiver, or nothing.
type assignment struct {
	*overload
	slots [][]int // by parameter
	named map[string]int
}

// bind assigns arguments by their number, names and form; false if they do not fit.
func bind(o *overload, args []expr, method bool) (assignment, bool) {
	b := assignment{o, make([][]int, len(o.params)), map[string]int{}}
	next := 0
	if method {
		if len(o.params) == 0 {
			return b, false
		}
		b.slots[0] = []int{receiver}
		if !o.params[0].many {
			next = 1
		}
	}
	for i, a := range args {
		p, isPair := a.(pairExpr)
		if isPair && !o.pairs() {
			if !b.bindNamed(p, i) {
				return b, false
			}
			continue
		}
		for next < len(o.params) && o.params[next].naming {
			next++
		}
		if next == len(o.params) || isPair != o.params[next].paired() && a != nil {
			return b, false
		}
		if a != nil {
			b.slots[next] = append(b.slots[next], i)
		}
		if !o.params[next].many {
			next++
		}
	}
	return b, b.complete()
}

// pairs tells whether a => b is a value to this function and no named argument.
func (o *overload) pairs() bool {
	for _, p := range o.params {
		if p.paired() {
			return true
		}
	}
	return false
}

func (b assignment) bindNamed(p pairExpr, i int) bool {
	k, ok := p.key.(keyword)
	if !ok {
		return false
	}
	name := k.name
	for j, param := range b.params {
		if param.naming {
			b.named[name] = i
			return true
		}
		if param.name == name && len(b.slots[j]) == 0 && !param.many {
			b.slots[j] = []int{i}
			return true
		}
	}
	return false
}

func (b assignment) complete() bool {
	for j, p := range b.params {
		if len(b.slots[j]) == 0 && !p.optional && !p.many && !p.naming {
			return false
		}
	}
	return true
}
