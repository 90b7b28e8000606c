package scale

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

// why makes the sentence that explains a decision:
//
//	rps 240 at target 50 per member wants 5; raised from 3 to 5
//	rps 90 at target 50 per member wants 2; kept at 3: more was wanted a while ago, until 14:03:05
//	kept at 3: signal rps is stale: 12s old, the limit is 5s
func (e *evaluation) why(w *wish) string {
	b := make([]byte, 0, 160)
	b = e.appendWish(b, w)
	if len(b) > 0 {
		b = append(b, "; "...)
	}
	b = e.appendChange(b)
	b = e.appendLimit(b)
	return string(b)
}

func (e *evaluation) appendWish(b []byte, w *wish) []byte {
	if !w.opinion {
		if len(e.bad) == 0 {
			b = append(b, "no rule asks for a change"...)
		}
		return b
	}
	r := w.rule
	if r.Name != "" {
		b = append(append(b, r.Name...), ": "...)
	}
	b = append(append(b, r.Signal...), ' ')
	v := e.sample(r.Signal)
	if v != nil {
		b = appendNumber(b, v.Value)
		if w.burst > 0 {
			b = appendNumber(append(b, " with a burst of "...), w.burst)
		}
	} else {
		b = append(b, "in error"...)
	}
	switch r.Kind {
	case stoker.RuleTarget:
		b = appendNumber(append(b, " at target "...), r.Target)
		if v.Total {
			b = append(b, " per member"...)
		} else {
			b = strconv.AppendInt(append(b, " with "...), int64(w.serving), 10)
			b = append(b, " serving"...)
		}
	case stoker.RuleProportional:
		b = appendNumber(append(b, " divided by "...), r.Divisor)
	case stoker.RuleStep:
		b = appendStep(b, w.step)
	case stoker.RuleThreshold:
		b = appendThreshold(b, w)
	}
	if w.size == e.group.Size {
		return append(b, " wants no change"...)
	}
	return strconv.AppendInt(append(b, " wants "...), int64(w.size), 10)
}

func appendStep(b []byte, s *stoker.Step) []byte {
	if s == nil {
		return append(b, " in none of the steps"...)
	}
	if s.From != nil {
		b = appendNumber(append(b, " from "...), *s.From)
	}
	if s.To != nil {
		b = appendNumber(append(b, " below "...), *s.To)
	}
	return b
}

func appendThreshold(b []byte, w *wish) []byte {
	r, t := w.rule, w.count
	switch {
	case t.high > 0:
		b = appendCount(append(b, " is high, "...), t.high, upAfter(r))
	case t.low > 0:
		b = appendCount(append(b, " is low, "...), t.low, downAfter(r))
	default:
		b = append(b, " is in bounds"...)
	}
	return b
}

func appendCount(b []byte, n, of int) []byte {
	b = strconv.AppendInt(b, int64(n), 10)
	b = append(b, " of "...)
	b = strconv.AppendInt(b, int64(of), 10)
	return append(b, " samples in a row,"...)
}

func (e *evaluation) appendChange(b []byte) []byte {
	switch {
	case e.d.To > e.d.From:
		b = append(b, "raised from "...)
	case e.d.To < e.d.From:
		b = append(b, "lowered from "...)
	default:
		return strconv.AppendInt(append(b, "kept at "...), int64(e.d.From), 10)
	}
	b = strconv.AppendInt(b, int64(e.d.From), 10)
	return strconv.AppendInt(append(b, " to "...), int64(e.d.To), 10)
}

func (e *evaluation) appendLimit(b []byte) []byte {
	sep := ": "
	if e.reason != "" {
		b = append(append(b, sep...), e.reason...)
		sep = "; "
	}
	if !e.d.Next.IsZero() {
		b = e.d.Next.AppendFormat(append(b, ", until "...), "15:04:05")
	}
	for _, s := range e.bad {
		b = append(append(append(append(append(b, sep...), "signal "...), s.name...), ' '), s.why...)
		sep = "; "
	}
	return b
}

// appendNumber writes about three digits that matter, without an exponent as
// long as that is readable.
func appendNumber(b []byte, v float64) []byte {
	size := math.Abs(v)
	digits := 3
	switch {
	case size >= 1e15:
		return strconv.AppendFloat(b, v, 'g', 3, 64)
	case size >= 100:
		digits = 0
	case size >= 1:
		digits = 1
	case size > 0 && size < 0.01:
		return strconv.AppendFloat(b, v, 'g', 3, 64)
	}
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if digits > 0 {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return append(b, s...)
}

// span shows a duration in tenths of a second.
func span(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }

func itoa(n int) string { return strconv.Itoa(n) }

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}
