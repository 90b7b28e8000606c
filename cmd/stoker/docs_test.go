package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/stoker-project/stoker/app"
)

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCommandsAreDocumented wants every command on the page, and every command of
// the page to exist.
func TestCommandsAreDocumented(t *testing.T) {
	text := page(t, "cli.md")
	root := newRoot(&session{out: io.Discard, err: io.Discard, env: func(string) string { return "" }})
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if !c.HasSubCommands() && !strings.Contains(text, "`"+c.CommandPath()) {
			t.Errorf("docs/cli.md does not name %q", c.CommandPath())
		}
		if c.Short == "" {
			t.Errorf("%q does not say what it does", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	for _, m := range regexp.MustCompile("`stoker ((?:[a-z-]+ ?)+)").FindAllStringSubmatch(text, -1) {
		words := strings.Fields(m[1])
		c, _, err := root.Find(words)
		if words[0] != "completion" && (err != nil || c == root) {
			t.Errorf("docs/cli.md names %q, which does not exist (%v)", "stoker "+m[1], err)
		}
	}
}

// TestConfigurationPage wants the page's example to be accepted.
func TestConfigurationPage(t *testing.T) {
	_, text, ok := strings.Cut(page(t, "configuration.md"), "```yaml\n")
	if !ok {
		t.Fatal("docs/configuration.md has no example")
	}
	text, _, _ = strings.Cut(text, "```")
	path := filepath.Join(t.TempDir(), "stoker.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := app.Load(path, app.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

// TestExitCodesAreDocumented wants the codes of the page.
func TestExitCodesAreDocumented(t *testing.T) {
	text := page(t, "cli.md")
	for _, line := range []string{"| 2 | wrong usage", "| 3 | what was named", "| 4 | a conflict", "| 5 | the operation", "| 6 | the server", "| 130 | interrupted"} {
		if !strings.Contains(text, line) {
			t.Errorf("docs/cli.md has no line %q", line)
		}
	}
}
