package process

import (
	"slices"
	"testing"
)

func lookupTest(name string) (string, bool) {
	value, ok := map[string]string{"PORT": "8080", "WORDS": "a b", "EMPTY": ""}[name]
	return value, ok
}

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		"":                       nil,
		"  ":                     nil,
		"a b":                    {"a", "b"},
		" a\t\tb\n":              {"a", "b"},
		"a 'b c' d":              {"a", "b c", "d"},
		`a "b 'c'" d`:            {"a", "b 'c'", "d"},
		`a\ b`:                   {"a b"},
		`a''b""c`:                {"abc"},
		`'' ""`:                  {"", ""},
		`'a\b'`:                  {`a\b`},
		`"a\b\"\\"`:              {`a\b"\`},
		"a\\\nb":                 {"ab"},
		"--port=$PORT":           {"--port=8080"},
		"${PORT}0":               {"80800"},
		`$WORDS "$WORDS"`:        {"a b", "a b"},
		"$EMPTY x":               {"", "x"},
		`'$PORT' \$PORT "\$"`:    {"$PORT", "$PORT", "$"},
		"5$ $ $1":                {"5$", "$", "$1"},
		"sh -c 'a | b > c; d &'": {"sh", "-c", "a | b > c; d &"},
		"größe":                  {"größe"},
	} {
		got, err := splitWords(line, lookupTest)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, error %v, want %q", line, got, err, want)
		}
	}
}

func TestSplitWordsRefuses(t *testing.T) {
	for _, line := range []string{"'a", `"a`, `a\`, "a | b", "a;b", "a > b", "a &", "`a`", "$(a)", "${PORT", "${}", "$UNSET", `"$UNSET"`} {
		if got, err := splitWords(line, lookupTest); err == nil {
			t.Errorf("%q: got %q, want an error", line, got)
		}
	}
}

func FuzzSplitWords(f *testing.F) {
	for _, line := range []string{"", "a 'b' \"c$PORT\" \\d", "${PORT}", "'", "$", "\\\n"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := splitWords(line, lookupTest)
		if err != nil {
			return
		}
		// What came out, quoted, must come out again.
		var quoted []byte
		for _, word := range words {
			quoted = append(quoted, ' ')
			for i := range len(word) {
				if word[i] == '\'' {
					quoted = append(quoted, `\'`...)
				} else {
					quoted = append(quoted, '\'', word[i], '\'')
				}
			}
			quoted = append(quoted, "''"...)
		}
		again, err := splitWords(string(quoted), lookupTest)
		if err != nil || !slices.Equal(again, words) {
			t.Errorf("got %q, error %v, want %q", again, err, words)
		}
	})
}
