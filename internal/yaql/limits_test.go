package yaql_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker/internal/yaql"
)

// TestLimits has expressions that would take all time or memory.
func TestLimits(t *testing.T) {
	var big []any
	for i := range 1000 {
		big = append(big, map[string]any{"name": fmt.Sprint(i), "text": strings.Repeat("x", 100)})
	}
	data := map[string]any{"big": big, "text": strings.Repeat("a", 9000)}
	deep := func(body string) string {
		return strings.Repeat("range(200).select(", 6) + body + strings.Repeat(").sum()", 6)
	}
	for name, expression := range map[string]string{
		"nested loops":        deep("1"),
		"endless":             "sequence().where(false)",
		"endless recursion":   "def(f, f($ + 1)) -> f(1)",
		"large texts":         deep("('x' * 9000).len()"),
		"large lists":         deep("([1] * 1000).len()"),
		"doubling":            "range(100).aggregate($1 + $1, 'ab')",
		"comparing":           "let(b => $) -> " + deep("switch($b = $b => 1)"),
		"matching":            "let(t => $.text) -> " + deep("switch($t =~ '(a|aa)+$' => 1, true => 0)"),
		"patterns":            deep("switch('x' =~ ('x{1000}' + str($)) => 1, true => 0)"),
		"a large pattern":     "'x' =~ '((x{10}){10}){9}((x{10}){10}){9}((x{10}){10}){9}((x{10}){10}){9}((x{10}){10}){9}((x{10}){10}){9}'",
		"format width":        "'{0:999999999}'.format(1)",
		"replacement":         "('a' * 5000).replace('a', 'b' * 5000)",
		"regex replacement":   "regex('a').replace('a' * 5000, 'b' * 5000)",
		"power":               "pow(10, 100000000)",
		"distinct":            "range(200).selectMany(range(200).select([$, $])).distinct()",
		"parentheses":         strings.Repeat("(", 10_000),
		"long chain":          "1" + strings.Repeat(" + 1", 10_000),
		"many dicts":          deep("{a => 1}.set(b, 2).len()"),
		"joining":             "$.big.take(150).select($.text * 90).join('')",
		"tree without an end": "generateMany(1, [$, $ + 1])",
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			v, err := eval(expression, data)
			var e *yaql.Error
			if !errors.As(err, &e) {
				t.Errorf("got %v and error %v, want a refusal", v, err)
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestNotOffered(t *testing.T) {
	for _, expression := range []string{"now()", "random()", "datetime(2020, 1, 1)"} {
		if _, err := eval(expression, nil); err == nil || !strings.Contains(err.Error(), "not offered") {
			t.Errorf("%s: got %v, want an error that says why", expression, err)
		}
	}
}

func TestOverflow(t *testing.T) {
	for _, expression := range []string{
		"9223372036854775807 + 1", "-9223372036854775807 - 2", "9223372036854775807 * 2", "4611686018427387904 * -3",
		"pow(2, 63)", "shiftBitsLeft(1, 63)", "shiftBitsLeft(3, 62)",
	} {
		var e *yaql.Error
		if v, err := eval(expression, nil); !errors.As(err, &e) || e.Class != "OverflowError" {
			t.Errorf("%s: got %v and error %v, want an OverflowError", expression, v, err)
		}
	}
	for expression, want := range map[string]int64{
		"-9223372036854775807 - 1": -1 << 63, "4611686018427387904 * -2": -1 << 63, "pow(-2, 63)": -1 << 63,
		"pow(-1, 9999999)": -1, "pow(0, 5)": 0, "3037000499 * 3037000499": 9223372030926249001,
	} {
		if v, err := eval(expression, nil); err != nil || v != want {
			t.Errorf("%s: got %v and error %v, want %d", expression, v, err, want)
		}
	}
}

// TestMessages holds what people read.
func TestMessages(t *testing.T) {
	data := map[string]any{"data": map[string]any{"a": int64(1), "l": []any{int64(1)}}}
	for expression, want := range map[string]string{
		"$.data.a.toUpper()": `No method "toUpper" for receiver of type integer matches supplied arguments ()`,
		"$.data.l.nosuch()":  `Unknown method "nosuch" for receiver of type list`,
		"1 + 'a'":            `No function "#operator_+" matches supplied arguments (integer, string)`,
		"$.data.b":           `there is no key 'b'`,
		"$.data.l[3]":        `index out of range: the list has 1 items`,
		"1 +":                `Parse error: unexpected end of statement`,
		"1 2":                `Parse error: unexpected '2' at position 2 of expression '1 2'`,
		"ä # b":              `Lexical error: illegal character '#' at position 2`,
		"let(a => 1)":        `the expression gives a context, which is no value of a template`,
	} {
		if _, err := eval(expression, data); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", expression, err, want)
		}
	}
}

// TestDataStays checks that evaluating changes neither data nor the program.
func TestDataStays(t *testing.T) {
	data := map[string]any{"l": []any{int64(3), int64(1)}, "m": map[string]any{"a": int64(1)}}
	p, err := yaql.Parse("[$.l.orderBy($), $.l.insert(0, 9), $.m.set(b, 2), $.l.reverse(), $.l + [4]]")
	if err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprint(data)
	first, err := p.Eval(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Eval(data)
	if err != nil || fmt.Sprint(first) != fmt.Sprint(again) || fmt.Sprint(data) != before {
		t.Errorf("got %v then %v (%v), data %v, was %v", first, again, err, data, before)
	}
}
