package token_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/token"
)

const (
	one = "0123456789abcdef"
	two = "fedcba9876543210"
)

func TestLookup(t *testing.T) {
	table, err := token.Parse("# tokens\n"+one+" shop alice\n\n"+two+"\tdefault root admin # all\n", "tokens")
	if err != nil {
		t.Fatal(err)
	}
	for tok, want := range map[string]token.Grant{
		one: {Project: "shop", User: "alice"}, two: {Project: "default", User: "root", Admin: true},
	} {
		if got, ok := table.Lookup(tok); !ok || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", tok, got, ok, want)
		}
	}
	for _, tok := range []string{"", one[1:], one + "0", strings.ToUpper(one), "shop", "#"} {
		if got, ok := table.Lookup(tok); ok {
			t.Errorf("%q is known: %+v", tok, got)
		}
	}
	var none *token.Table
	if _, ok := none.Lookup(one); ok || none.Len() != 0 {
		t.Error("the nil table knows somebody")
	}
}

func TestAddLeavesTheOldTable(t *testing.T) {
	old := new(token.Table).Add(one, token.Grant{Project: "a"})
	grown := old.Add(two, token.Grant{Project: "b"})
	if _, ok := old.Lookup(two); ok {
		t.Error("the old table knows the new token")
	}
	if grown.Len() != 2 {
		t.Errorf("got %d tokens, want 2", grown.Len())
	}
}

func TestParseRefuses(t *testing.T) {
	for text, place := range map[string]string{
		"":                              "f: there is no token",
		"short shop\n":                  "f:1: the token is shorter",
		"\n" + one + "\n":               "f:2: the token has no project",
		one + " shop alice boss\n":      "f:1: unexpected \"boss\"",
		one + " shop alice admin x\n":   "f:1: unexpected \"x\"",
		strings.Repeat("x", 1<<20) + "": "f: read tokens",
	} {
		_, err := token.Parse(text, "f")
		if !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), place) {
			t.Errorf("%.40q: got %v, want something with %q", text, err, place)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(one + " shop alice admin\n# x\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := token.Parse(text, "f")
		if (err == nil) != (table.Len() > 0) {
			t.Errorf("%q: %d tokens and %v", text, table.Len(), err)
		}
	})
}

func TestLoadOrCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	made, err := token.LoadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(made) != 64 {
		t.Errorf("got %d characters, want 64", len(made))
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("got mode %o, want 600", got)
	}
	if again, err := token.LoadOrCreate(path); err != nil || again != made {
		t.Errorf("the second time: got %q, %v", again, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := token.LoadOrCreate(path); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("readable by others: got %v, want invalid", err)
	}
}

func TestSigned(t *testing.T) {
	sig := token.Sign("key", "a", "bc")
	if !token.Signed(sig, "key", "a", "bc") {
		t.Error("its own signature is refused")
	}
	for name, ok := range map[string]bool{
		"other key":   token.Signed(sig, "other", "a", "bc"),
		"other words": token.Signed(sig, "key", "ab", "c"),
		"fewer words": token.Signed(sig, "key", "a"),
		"no token":    token.Signed("", "key", "a", "bc"),
		"no key":      token.Signed(token.Sign("", "a"), "", "a"),
	} {
		if ok {
			t.Errorf("%s: the signature is accepted", name)
		}
	}
}
