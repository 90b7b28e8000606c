package client_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/client"
)

// folder makes files by their local path.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const head = "heat_template_version: 2018-08-31\n"

func TestBundleTakesWhatIsNamed(t *testing.T) {
	main := head + "# a comment that stays\nresources:\n  a: {type: sub/a.yaml}\n  b: {type: Mine}\noutputs:\n  o: {value: {get_file: note.txt}}\n"
	dir := folder(t, map[string]string{
		"main.yaml": main, "note.txt": "note", "secret.txt": "nobody names it",
		"sub/a.yaml":      head + "resources:\n  r: {type: OS::Heat::Value, properties: {value: {get_file: ../note.txt}}}\n",
		"env/e.yaml":      "parameters: {p: 1}\nresource_registry:\n  Mine: mine.yaml\n  Other: OS::Heat::None\n",
		"env/mine.yaml":   head + "outputs: {o: {value: {get_file: more.txt}}}\n",
		"env/more.txt":    "more",
		"env/second.yaml": "parameters: {p: 2}\n",
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	r, err := client.Bundle(at("main.yaml"), []string{at("env/e.yaml"), at("env/second.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	if r.Template != main {
		t.Errorf("the template was changed:\n%s", r.Template)
	}
	want := []string{"../note.txt", "mine.yaml", "more.txt", "note.txt", "sub/a.yaml"}
	if got := slices.Sorted(maps.Keys(r.Files)); !slices.Equal(got, want) {
		t.Errorf("got files %v, want %v", got, want)
	}
	if r.Files["more.txt"] != "more" || r.Files["../note.txt"] != "note" {
		t.Errorf("got %v", r.Files)
	}
	if got := r.Environment["parameters"].(map[string]any)["p"]; got != int64(2) {
		t.Errorf("got p = %v, want that of the last environment", got)
	}
}

func TestBundleKeepsEqualNamesApart(t *testing.T) {
	nested := head + "resources:\n  r: {type: OS::Heat::Value, properties: {value: {get_file: note.txt}}}\n"
	dir := folder(t, map[string]string{
		"main.yaml": head + "resources:\n  a: {type: one/n.yaml}\n  b: {type: two/n.yaml}\n", "one/n.yaml": nested, "two/n.yaml": nested,
		"one/note.txt": "first", "two/note.txt": "second",
	})
	r, err := client.Bundle(filepath.Join(dir, "main.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for template, want := range map[string]string{"one/n.yaml": "first", "two/n.yaml": "second"} {
		text := r.Files[template]
		found := ""
		for name, content := range r.Files {
			if strings.HasSuffix(name, "note.txt") && (strings.Contains(text, `"`+name+`"`) || text == nested && name == "note.txt") {
				found = content
			}
		}
		if found != want {
			t.Errorf("%s finds %q, want %q\n%s", template, found, want, text)
		}
	}
}

func TestBundleOfCloudFormation(t *testing.T) {
	main := "AWSTemplateFormatVersion: 2010-09-09\nResources:\n  A: {Type: a.yaml, Properties: {Type: not-a-file.yaml}}\n"
	dir := folder(t, map[string]string{"main.template": main, "a.yaml": head + "outputs: {o: {value: {get_file: note.txt}}}\n", "note.txt": "note"})
	r, err := client.Bundle(filepath.Join(dir, "main.template"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(r.Files)); r.Template != main || !slices.Equal(got, []string{"a.yaml", "note.txt"}) {
		t.Errorf("got files %v and template %q", got, r.Template)
	}
}

func TestBundleOfACircleEnds(t *testing.T) {
	dir := folder(t, map[string]string{
		"main.yaml": head + "resources:\n  a: {type: b.yaml}\n",
		"b.yaml":    head + "resources:\n  a: {type: main.yaml}\n",
	})
	r, err := client.Bundle(filepath.Join(dir, "main.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Files) != 2 {
		t.Errorf("got %d files, want 2", len(r.Files))
	}
}

func TestBundleRefuses(t *testing.T) {
	dir := folder(t, map[string]string{
		"gone.yaml":  head + "outputs: {o: {value: {get_file: gone.txt}}}\n",
		"web.yaml":   head + "outputs: {o: {value: {get_file: 'https://example.org/x'}}}\n",
		"dir.yaml":   head + "outputs: {o: {value: {get_file: dir}}}\n",
		"dir/x":      "",
		"big.yaml":   head + "outputs: {o: {value: {get_file: big}}}\n",
		"big":        strings.Repeat("x", 1<<20+1),
		"inner.yaml": head + "resources: {a: {type: broken.yaml}}\n", "broken.yaml": head + "resources: [\n",
		"env.yaml": "parameter: {}\nresource_registry: {}\n",
	})
	for _, tt := range []struct{ template, env, words string }{
		{"gone.yaml", "", "gone.yaml: outputs.o.value.get_file: read " + filepath.Join(dir, "gone.txt") + ": no such file"},
		{"web.yaml", "", "Download the file"},
		{"dir.yaml", "", "it is a directory"},
		{"big.yaml", "", "more than a server takes"},
		{"inner.yaml", "", "broken.yaml:"},
		{"none.yaml", "", "no such file"},
		{"dir.yaml", "none.env", ""},
	} {
		var envs []string
		if tt.env != "" {
			envs = []string{filepath.Join(dir, tt.env)}
		}
		_, err := client.Bundle(filepath.Join(dir, tt.template), envs)
		if !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), tt.words) {
			t.Errorf("%s: got %v, want something with %q", tt.template, err, tt.words)
		}
	}
}

func TestNewRefusesAddresses(t *testing.T) {
	for _, url := range []string{"", "127.0.0.1:8004", "ftp://h", "http://", "http://h/x", "http://h/v1/a/b"} {
		if _, err := client.New(client.Config{URL: url}); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%q: got %v, want invalid", url, err)
		}
	}
	for _, url := range []string{"http://h:1", "http://h:1/", "https://h/v1", "http://h/v1/", "http://h/v1/shop"} {
		if _, err := client.New(client.Config{URL: url}); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// TestBundleMergesByType merges environments as a server does, by the types that the
// template and those inside it declare.
func TestBundleMergesByType(t *testing.T) {
	dir := folder(t, map[string]string{
		"main.yaml": head + "parameters: {names: {type: comma_delimited_list}}\nresources: {n: {type: n.yaml}}\n",
		"n.yaml":    head + "parameters: {more: {type: json}}\n",
		"one.yaml":  "parameters: {names: 'a,b'}\nparameter_defaults: {more: '{\"x\": 1}'}\nparameter_merge_strategies: {default: merge}\n",
		"two.yaml":  "parameters: {names: c}\nparameter_defaults: {more: {y: 2}}\n",
		"bad.yaml":  "parameters: {names: c}\nparameter_merge_strategies: {names: overwrite}\n",
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	r, err := client.Bundle(at("main.yaml"), []string{at("one.yaml"), at("two.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	want := "map[parameter_defaults:map[more:map[x:1 y:2]] parameters:map[names:[a b c]]]"
	if got := fmt.Sprint(r.Environment); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, err = client.Bundle(at("main.yaml"), []string{at("one.yaml"), at("bad.yaml")})
	if err == nil || !strings.Contains(err.Error(), "bad.yaml") || !strings.Contains(err.Error(), "names") {
		t.Errorf("got %v, want an error that names the file and the parameter", err)
	}
}
