package hot

import (
	"math"
	"strconv"
	"strings"
)

// plainScalar gives the value of an unquoted YAML scalar as PyYAML's SafeLoader
// sees it, with one change of Heat's: dates stay strings.
func plainScalar(s string) any {
	if s == "" {
		return nil
	}
	switch c := s[0]; {
	case c >= '0' && c <= '9', c == '-', c == '+', c == '.':
		return plainNumber(s)
	}
	switch s {
	case "~", "null", "Null", "NULL":
		return nil
	case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return true
	case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return false
	}
	return s
}

func plainNumber(s string) any {
	sign, digits := 1, s
	if c := s[0]; c == '-' || c == '+' {
		digits = s[1:]
		if c == '-' {
			sign = -1
		}
	}
	if v, ok := plainInt(sign, digits); ok {
		return v
	}
	if v, ok := plainFloat(sign, digits, digits != s); ok {
		return v
	}
	return s
}

// plainInt reads YAML 1.1's integers: binary, octal with a leading 0, decimal,
// hexadecimal and base 60.
func plainInt(sign int, s string) (any, bool) {
	if strings.Contains(s, ":") {
		return base60Int(sign, s)
	}
	base, digits, set := 10, s, "0123456789_"
	switch {
	case strings.HasPrefix(s, "0b"):
		base, digits, set = 2, s[2:], "01_"
	case strings.HasPrefix(s, "0x"):
		base, digits, set = 16, s[2:], "0123456789abcdefABCDEF_"
	case len(s) > 1 && s[0] == '0':
		base, digits, set = 8, s[1:], "01234567_"
	case s == "" || s[0] == '_':
		return nil, false
	}
	if digits == "" || strings.Trim(digits, set) != "" {
		return nil, false
	}
	return integer(sign, strings.ReplaceAll(digits, "_", ""), base)
}

// integer falls back to a float for what does not fit 64 bits: Python's numbers
// have no bound.
func integer(sign int, digits string, base int) (any, bool) {
	if digits == "" {
		return nil, false
	}
	text := digits
	if sign < 0 {
		text = "-" + digits
	}
	if i, err := strconv.ParseInt(text, base, 64); err == nil {
		return i, true
	}
	if base != 10 {
		return nil, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}

// base60Int reads [1-9][0-9_]*(:[0-5]?[0-9])+.
func base60Int(sign int, s string) (any, bool) {
	parts := strings.Split(s, ":")
	if parts[0] == "" || parts[0][0] < '1' || parts[0][0] > '9' || strings.Trim(parts[0], "0123456789_") != "" {
		return nil, false
	}
	total, ok := sixty(parts[0], parts[1:])
	if !ok || total != math.Trunc(total) || total > 1<<53 {
		return nil, false
	}
	return int64(sign) * int64(total), true
}

func sixty(first string, rest []string) (float64, bool) {
	total, err := strconv.ParseFloat(strings.ReplaceAll(first, "_", ""), 64)
	if err != nil {
		return 0, false
	}
	for _, p := range rest {
		if len(p) == 0 || len(p) > 2 || strings.Trim(p, "0123456789") != "" || (len(p) == 2 && p[0] > '5') {
			return 0, false
		}
		d, _ := strconv.Atoi(p)
		total = total*60 + float64(d)
	}
	return total, true
}

// plainFloat reads YAML 1.1's floats. They need a point; an exponent needs a
// sign, so 1e3 is a string.
func plainFloat(sign int, s string, signed bool) (any, bool) {
	switch s {
	case ".inf", ".Inf", ".INF":
		return math.Inf(sign), true
	case ".nan", ".NaN", ".NAN":
		return math.NaN(), !signed
	}
	point := strings.IndexByte(s, '.')
	if point < 0 {
		return nil, false
	}
	if strings.Contains(s, ":") {
		return base60Float(sign, s, point)
	}
	mantissa, exp := s, ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exp = s[:i], s[i+1:]
		if len(exp) < 2 || (exp[0] != '+' && exp[0] != '-') || strings.Trim(exp[1:], "0123456789") != "" {
			return nil, false
		}
	}
	whole, fraction, ok := strings.Cut(mantissa, ".")
	switch {
	case !ok, strings.Trim(whole+fraction, "0123456789_") != "":
		return nil, false
	case whole == "" && (fraction == "" || fraction[0] == '_'), whole != "" && whole[0] == '_':
		return nil, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil && !math.IsInf(f, 0) {
		return nil, false
	}
	return float64(sign) * f, true
}

// base60Float reads [0-9][0-9_]*(:[0-5]?[0-9])+.[0-9_]*.
func base60Float(sign int, s string, point int) (any, bool) {
	fraction := strings.ReplaceAll(s[point+1:], "_", "")
	parts := strings.Split(s[:point], ":")
	if len(parts) < 2 || parts[0] == "" || parts[0][0] == '_' ||
		strings.Trim(parts[0], "0123456789_") != "" || strings.Trim(fraction, "0123456789") != "" {
		return nil, false
	}
	total, ok := sixty(parts[0], parts[1:])
	if !ok {
		return nil, false
	}
	f, err := strconv.ParseFloat("0."+fraction+"0", 64)
	return float64(sign) * (total + f), err == nil
}
