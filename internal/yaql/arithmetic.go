package yaql

import (
	"fmt"
	"math"
	"math/bits"
)

// arithmetic computes with two numbers.
func arithmetic(op string, l, r any) any {
	a, aInt := l.(int64)
	b, bInt := r.(int64)
	if aInt && bInt {
		return integers(op, a, b)
	}
	return floats(op, toFloat(l), toFloat(r))
}

// integers computes with 64 bits; Python's numbers have no bound, so what does
// not fit is an error and never another number.
func integers(op string, a, b int64) any {
	switch op {
	case "+":
		if c := a + b; (c > a) == (b > 0) {
			return c
		}
	case "-":
		if c := a - b; (c < a) == (b > 0) {
			return c
		}
	case "*":
		if c, ok := product(a, b); ok {
			return c
		}
	case "/", "mod":
		if b == 0 {
			fail("ZeroDivisionError", "integer division or modulo by zero")
		}
		if a != math.MinInt64 || b != -1 {
			return divide(op, a, b)
		}
		if op == "mod" {
			return int64(0)
		}
	}
	fail("OverflowError", fmt.Sprintf("the result of %d %s %d does not fit 64 bits", a, op, b))
	return nil
}

func product(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	negative := (a < 0) != (b < 0)
	switch {
	case hi != 0:
		return 0, false
	case negative && lo <= 1<<63:
		return -int64(lo), true
	case !negative && lo < 1<<63:
		return int64(lo), true
	}
	return 0, false
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

// divide rounds down, so that the rest has the sign of the divisor.
func divide(op string, a, b int64) int64 {
	q, m := a/b, a%b
	if m != 0 && (m < 0) != (b < 0) {
		q, m = q-1, m+b
	}
	if op == "mod" {
		return m
	}
	return q
}

func floats(op string, a, b float64) any {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	}
	if b == 0 {
		fail("ZeroDivisionError", "division by zero")
	}
	if op == "/" {
		return a / b
	}
	m := math.Mod(a, b)
	if m != 0 && (m < 0) != (b < 0) {
		m += b
	}
	return m
}
