package yaql

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/stoker-project/stoker/internal/python"
)

// format is Python's str.format() for values of data: {}, {0}, {name}, {0[key]},
// with conversions !s and !r and the format language of numbers and texts. Attributes ({0.x})
// are refused: they would lead out of the data.
func format(s string, args []any, named map[string]any) string {
	f := &formatter{args: args, named: named}
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			f.out.WriteString(s)
			break
		}
		f.out.WriteString(s[:i])
		brace := s[i]
		s = s[i+1:]
		switch {
		case s != "" && s[0] == brace: // doubled
			f.out.WriteByte(brace)
			s = s[1:]
		case brace == '}':
			fail("ValueError", "Single '}' encountered in format string")
		default:
			end := strings.IndexByte(s, '}')
			if end < 0 {
				fail("ValueError", "expected '}' before end of string")
			}
			f.field(s[:end])
			s = s[end+1:]
		}
		if f.out.Len() > maxSize {
			tooMuch()
		}
	}
	return f.out.String()
}

type formatter struct {
	args  []any
	named map[string]any
	next  int
	out   strings.Builder
}

func (f *formatter) field(s string) {
	name, spec, _ := strings.Cut(s, ":")
	name, conversion, converted := strings.Cut(name, "!")
	v := f.value(name)
	switch {
	case converted && conversion == "r":
		v = repr(v)
	case converted && conversion == "s":
		v = pyStr(v)
	case converted:
		fail("ValueError", "Unknown conversion specifier "+conversion)
	}
	f.out.WriteString(formatValue(v, spec))
}

// value finds what a field names, and follows its keys.
func (f *formatter) value(name string) any {
	if strings.Contains(name, ".") {
		fail("ValueError", fmt.Sprintf("the field {%s} names an attribute; values of data have keys only, in brackets", name))
	}
	first, keys, _ := strings.Cut(name, "[")
	v := f.argument(first)
	for keys != "" {
		key, rest, ok := strings.Cut(keys, "]")
		if !ok {
			fail("ValueError", "Missing ']' in format string")
		}
		v = formatKey(v, key)
		keys = strings.TrimPrefix(rest, "[")
	}
	return v
}

func (f *formatter) argument(name string) any {
	i, err := strconv.Atoi(name)
	switch {
	case name == "":
		i = f.next
		f.next++
	case err != nil:
		v, ok := f.named[name]
		if !ok {
			fail("KeyError", "the format names {"+name+"}, which is no argument")
		}
		return v
	}
	if i < 0 || i >= len(f.args) {
		fail("IndexError", "Replacement index "+strconv.Itoa(i)+" out of range for positional args tuple")
	}
	return f.args[i]
}

func formatKey(v any, key string) any {
	switch v := v.(type) {
	case *dict:
		if item, ok := v.get(key); ok {
			return item
		}
	case []any:
		if i, err := strconv.ParseInt(key, 10, 64); err == nil {
			return at(v, i)
		}
	}
	fail("KeyError", "there is no key "+repr(key)+" in the "+typeName(v))
	return nil
}

// spec is [[fill]align][sign][#][0][width][,][.precision][type].
type spec struct {
	fill             string
	align, sign, typ byte
	alternate, comma bool
	width, precision int // precision -1: none
}

func parseSpec(text string) spec {
	s := spec{fill: " ", precision: -1}
	bad := func() { fail("ValueError", "Invalid format specifier "+repr(text)) }
	rest := []rune(text)
	is := func(i int, set string) bool { return i < len(rest) && strings.ContainsRune(set, rest[i]) }
	switch {
	case is(1, "<>^="):
		s.fill, s.align, rest = string(rest[0]), byte(rest[1]), rest[2:]
	case is(0, "<>^="):
		s.align, rest = byte(rest[0]), rest[1:]
	}
	if is(0, "+- ") {
		s.sign, rest = byte(rest[0]), rest[1:]
	}
	if is(0, "#") {
		s.alternate, rest = true, rest[1:]
	}
	if is(0, "0") && s.align == 0 {
		s.fill, s.align = "0", '='
	}
	count := func() (n int) {
		for is(0, "0123456789") {
			n, rest = 10*n+int(rest[0]-'0'), rest[1:]
			if n > maxSize {
				tooMuch()
			}
		}
		return n
	}
	s.width = count()
	if is(0, ",") {
		s.comma, rest = true, rest[1:]
	}
	if is(0, ".") {
		if rest = rest[1:]; !is(0, "0123456789") {
			bad()
		}
		s.precision = count()
	}
	if len(rest) == 1 && rest[0] < 0x80 {
		s.typ, rest = byte(rest[0]), nil
	}
	if len(rest) > 0 {
		bad()
	}
	return s
}

func formatValue(v any, text string) string {
	if text == "" {
		return pyStr(v)
	}
	s := parseSpec(text)
	if b, ok := v.(bool); ok && s.typ != 's' {
		v = toInt(b)
	}
	switch v := v.(type) {
	case string:
		return s.text(v)
	case int64:
		if strings.IndexByte("eEfFgG%", s.typ) < 0 || s.typ == 0 {
			return s.integer(v)
		}
		return s.float(float64(v))
	case float64:
		return s.float(v)
	}
	fail("TypeError", "a "+typeName(v)+" takes no format specifier")
	return ""
}

func (s spec) unknown(of string) {
	fail("ValueError", fmt.Sprintf("Unknown format code '%c' for object of type '%s'", s.typ, of))
}

func (s spec) text(v string) string {
	if s.typ != 0 && s.typ != 's' || s.align == '=' || s.sign != 0 {
		s.unknown("str")
	}
	r := []rune(v)
	if s.precision >= 0 && s.precision < len(r) {
		r = r[:s.precision]
	}
	if s.align == 0 {
		s.align = '<'
	}
	return s.pad("", string(r))
}

func (s spec) integer(v int64) string {
	base, prefix := 10, ""
	switch s.typ {
	case 0, 'd', 'n':
	case 'b':
		base, prefix = 2, "0b"
	case 'o':
		base, prefix = 8, "0o"
	case 'x', 'X':
		base, prefix = 16, "0x"
	case 'c':
		return s.pad("", string(rune(v)))
	default:
		s.unknown("int")
	}
	if !s.alternate {
		prefix = ""
	}
	digits := strconv.FormatUint(magnitude(v), base)
	if s.typ == 'X' {
		digits, prefix = strings.ToUpper(digits), strings.ToUpper(prefix)
	}
	return s.pad(s.signOf(v < 0)+prefix, s.group(digits))
}

func (s spec) float(v float64) string {
	neg := v < 0
	if neg {
		v = -v
	}
	precision, typ, tail := s.precision, s.typ, ""
	if precision < 0 {
		precision = 6
	}
	var digits string
	switch typ {
	case 'f', 'F', 'e', 'E':
		digits = strconv.FormatFloat(v, typ|0x20, precision, 64)
	case '%':
		digits, tail = strconv.FormatFloat(100*v, 'f', precision, 64), "%"
	case 'g', 'G', 'n':
		digits = general(v, max(precision, 1))
	case 0:
		digits = python.Float(v, "inf", "nan")
		if s.precision >= 0 {
			digits = general(v, max(precision, 1))
		}
	default:
		s.unknown("float")
	}
	if typ == 'E' || typ == 'G' {
		digits = strings.ToUpper(digits)
	}
	whole, fraction, point := strings.Cut(digits, ".")
	digits = s.group(whole)
	if point {
		digits += "." + fraction
	}
	return s.pad(s.signOf(neg), digits+tail)
}

// general is %g with Python's exponents.
func general(v float64, precision int) string {
	return strings.TrimSuffix(fmt.Sprintf("%.*g", precision, v), ".")
}

func (s spec) signOf(negative bool) string {
	switch {
	case negative:
		return "-"
	case s.sign == '+' || s.sign == ' ':
		return string(s.sign)
	}
	return ""
}

// group puts commas between thousands.
func (s spec) group(digits string) string {
	if !s.comma {
		return digits
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// pad fills up to the width; between sign and digits with =.
func (s spec) pad(sign, body string) string {
	n := s.width - len([]rune(sign)) - len([]rune(body))
	if n <= 0 {
		return sign + body
	}
	switch s.align {
	case '<':
		return sign + body + strings.Repeat(s.fill, n)
	case '^':
		return strings.Repeat(s.fill, n/2) + sign + body + strings.Repeat(s.fill, n-n/2)
	case '=':
		return sign + strings.Repeat(s.fill, n) + body
	}
	return strings.Repeat(s.fill, n) + sign + body
}
