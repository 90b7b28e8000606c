package yaql

import (
	"fmt"
	"math"
	"strconv"

	"github.com/stoker-project/stoker/internal/python"
)

func mathRows() []row {
	return []row{
		{asFunction, "int", "value:any", func(c *call) any { return toInt(c.any(0)) }},
		{asFunction, "float", "value:any", func(c *call) any { return parseFloat(c.any(0)) }},
		{asFunction, "abs", "number:number", func(c *call) any {
			if compareNumbers(c.any(0), int64(0)) < 0 {
				return c.e.unary("-", c.any(0))
			}
			return c.any(0)
		}},
		{asFunction, "sign", "number:number", func(c *call) any { return int64(compareNumbers(c.any(0), int64(0))) }},
		{asFunction, "round", "number:number ndigits:int?", round},
		{asFunction, "pow", "a:number b:number c:int?", pow},
		{asFunction, "max", "a:any b:any", func(c *call) any { return larger(c.any(0), c.any(1)) }},
		{asFunction, "min", "a:any b:any", func(c *call) any { return smaller(c.any(0), c.any(1)) }},
		{asFunction, "hex", "number:int", func(c *call) any {
			if i := c.int(0); i < 0 {
				return "-0x" + strconv.FormatUint(magnitude(i), 16)
			}
			return "0x" + strconv.FormatInt(c.int(0), 16)
		}},
		{asFunction, "bitwiseAnd", "left:int right:int", func(c *call) any { return c.int(0) & c.int(1) }},
		{asFunction, "bitwiseOr", "left:int right:int", func(c *call) any { return c.int(0) | c.int(1) }},
		{asFunction, "bitwiseXor", "left:int right:int", func(c *call) any { return c.int(0) ^ c.int(1) }},
		{asFunction, "bitwiseNot", "arg:int", func(c *call) any { return ^c.int(0) }},
		{asFunction, "shiftBitsRight", "value:int bitsNumber:int", func(c *call) any { return c.int(0) >> bitCount(c.int(1)) }},
		{asFunction, "shiftBitsLeft", "value:int bitsNumber:int", func(c *call) any {
			n := bitCount(c.int(1))
			if v := c.int(0) << n; v>>n == c.int(0) {
				return v
			}
			fail("OverflowError", fmt.Sprintf("%d shifted by %d bits does not fit 64 bits", c.int(0), n))
			return nil
		}},
	}
}

func bitCount(n int64) uint64 {
	if n < 0 {
		fail("ValueError", "negative shift count")
	}
	return uint64(n)
}

func larger(a, b any) any {
	if compare(">", b, a) {
		return b
	}
	return a
}

func smaller(a, b any) any {
	if compare(">", b, a) {
		return a
	}
	return b
}

// toInt is Python's int(); null is 0.
func toInt(v any) any {
	switch v := v.(type) {
	case nil:
		return int64(0)
	case int64:
		return v
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case float64:
		if math.Abs(v) < 1<<63 {
			return int64(v)
		}
		fail("OverflowError", repr(v)+" does not fit 64 bits")
	case string:
		if i, ok := python.Int(v); ok {
			return i
		}
		fail("ValueError", "invalid literal for int() with base 10: "+repr(v))
	}
	fail("TypeError", "int() does not take a "+typeName(v))
	return nil
}

// parseFloat is Python's float(); null is 0.
func parseFloat(v any) any {
	switch v := v.(type) {
	case nil:
		return 0.0
	case float64:
		return v
	case int64, bool:
		return float64(toInt(v).(int64))
	case string:
		if n, ok := python.Number(v); ok {
			return toFloat(n)
		}
		fail("ValueError", "could not convert string to float: "+repr(v))
	}
	fail("TypeError", "float() does not take a "+typeName(v))
	return nil
}

// round takes half to even, as Python does.
func round(c *call) any {
	digits := c.intOr(1, 0)
	if digits < -300 || digits > 300 {
		return c.any(0)
	}
	if i, ok := c.any(0).(int64); ok {
		if digits >= 0 {
			return i
		}
		unit := math.Pow(10, float64(-digits))
		return toInt(math.RoundToEven(float64(i)/unit) * unit)
	}
	f := c.any(0).(float64)
	if digits < 0 {
		unit := math.Pow(10, float64(-digits))
		return math.RoundToEven(f/unit) * unit
	}
	// Through decimals: 2.675 is a little less than it looks, and stays so.
	out, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(digits), 64), 64)
	if err != nil {
		return f
	}
	return out
}

// pow is a to the b, modulo c if it is given.
func pow(c *call) any {
	a, aInt := c.any(0).(int64)
	b, bInt := c.any(1).(int64)
	if c.has(2) {
		if !aInt || !bInt || b < 0 || c.int(2) == 0 {
			fail("ValueError", "pow() with a modulus takes integers, the exponent not negative, the modulus not 0")
		}
		return powMod(a, b, c.int(2))
	}
	if !aInt || !bInt || b < 0 {
		x, y := toFloat(c.any(0)), toFloat(c.any(1))
		if x == 0 && y < 0 {
			fail("ZeroDivisionError", "0.0 cannot be raised to a negative power")
		}
		return math.Pow(x, y)
	}
	return power(a, b)
}

func power(a, b int64) any {
	if a == 0 || a == 1 || a == -1 { // b may be large
		if b == 0 || a == 1 || a == -1 && b%2 == 0 {
			return int64(1)
		}
		return a
	}
	out := int64(1)
	for range b {
		p, ok := product(out, a)
		if !ok {
			fail("OverflowError", fmt.Sprintf("%d to the %d does not fit 64 bits", a, b))
		}
		out = p
	}
	return out
}

func powMod(a, b, m int64) any {
	if m > math.MaxInt32 || m < math.MinInt32 {
		fail("OverflowError", "the modulus does not fit 32 bits")
	}
	out, base := divide("mod", 1, m), divide("mod", a, m)
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			out = divide("mod", out*base, m)
		}
		base = divide("mod", base*base, m)
	}
	return out
}
