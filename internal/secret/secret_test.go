package secret_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stoker-project/stoker/internal/python"
	"github.com/stoker-project/stoker/internal/secret"
)

func TestHide(t *testing.T) {
	const word = "it's \"a\" word\\\n2nd line/ü"
	doc, err := json.Marshal(word)
	if err != nil {
		t.Fatal(err)
	}
	w := secret.Of(word, map[string]any{"list": []any{"inner", int64(12345), 2.75}}, `{"json": "within"}`, "abc", true, nil)
	for _, text := range []string{
		word, fmt.Sprintf("%q", word), python.Quote(word), string(doc), url.QueryEscape(word), url.PathEscape(word),
		"2nd line/ü alone", "inner", "12345", "2.75", "within",
	} {
		if got := w.Hide("<" + text + ">"); !strings.Contains(got, secret.Shown) || strings.Contains(got, "word") || strings.Contains(got, "line") || strings.Contains(got, "within") {
			t.Errorf("%s: got %s", text, got)
		}
	}
	for _, text := range []string{"abc", "True", "an innocent text", ""} {
		if got := w.Hide(text); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
	if got, want := secret.OfMessage("abc").Hide("'abc' is short"), "'******' is short"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := secret.Of("long").And(secret.Of("longer")).Hide("longer"), secret.Shown; got != want {
		t.Errorf("a word with another in it: got %q, want %q", got, want)
	}
	var zero secret.Words
	if got := zero.Hide("x"); got != "x" {
		t.Errorf("the zero value hides something: %q", got)
	}
}
