package stoker_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/stoker-project/stoker"

// house says which of our packages each package may import. "internal" stands
// for any package below internal/; a path that ends in /* for any package one
// level below. The root, ".", may be imported by all that have a row. A package
// without a row may import nothing of ours. Tests may import more: only the
// suites that stand for a contract and what they put together.
var house = map[string][]string{
	".":                  nil,
	"hot":                {".", "internal"},
	"dialect/cfn":        {".", "internal", "hot"},
	"stack":              {".", "internal", "hot"},
	"scale":              {".", "internal"},
	"resource/heat":      {".", "internal", "hot"},
	"resource/openstack": {".", "internal", "hot"},
	"resource/native":    {".", "internal", "hot"},
	"resource/aws":       {".", "internal"},
	"resource/alarm":     {".", "internal"},
	"resource/known":     {".", "internal"},
	"api/heat":           {".", "internal", "hot", "stack"},
	"api/identity":       {".", "internal"},
	"api/cfn":            {".", "internal", "hot", "stack"},
	"api/native":         {".", "internal", "stack", "scale"},
	"api/metadata":       {".", "internal"},
	"client":             {".", "internal", "hot", "dialect/*"},
	"client/cloud":       {"."},
	// Only app knows which adapters there are.
	"app": {".", "internal", "hot", "stack", "scale", "api/*", "resource/*", "dialect/*", "client", "client/cloud",
		"driver/process", "driver/docker", "balancer/builtin", "balancer/haproxy", "store/sqldb", "metric/*", "sink/zaqar"},
	"guest":      {".", "internal"},
	"cmd/stoker": {".", "internal", "hot", "app", "client", "client/cloud", "guest"},
	// What the tests of examples have in common.
	"examples/story": {".", "app", "client", "driver/docker/dockerdtest"},
	"bench":          {".", "internal", "app", "client", "hot", "stack", "scale", "store/sqldb", "balancer/builtin", "balancer/haproxy", "resource/*", "driver/process"},
}

// adapters are families of implementations of a contract: each may import the
// root and internal, and never a sibling.
var adapters = []string{"driver", "balancer", "metric", "store", "sink"}

// rules gives the row of a package.
func rules(pkg string) ([]string, bool) {
	if row, ok := house[pkg]; ok {
		return row, true
	}
	family := path.Dir(pkg)
	switch {
	case slices.Contains(adapters, family):
		return []string{".", "internal"}, true
	case strings.HasPrefix(pkg, "internal/"):
		return []string{".", "internal"}, true // for the kinds of error
	}
	return nil, false
}

func allowed(row []string, imported string) bool {
	for _, r := range row {
		switch {
		case r == imported:
			return true
		case r == "internal" && strings.HasPrefix(imported, "internal/"):
			return true
		case strings.HasSuffix(r, "/*") && path.Dir(imported) == strings.TrimSuffix(r, "/*"):
			return true
		}
	}
	return false
}

// TestImports holds the arrows of the house: docs/architecture.md has the picture.
func TestImports(t *testing.T) {
	for pkg, files := range packages(t) {
		row, known := rules(pkg)
		for _, f := range files {
			for _, imp := range f.Imports {
				p, err := strconv.Unquote(imp.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				ours, ok := strings.CutPrefix(p, module)
				if !ok {
					continue
				}
				imported := strings.TrimPrefix(ours, "/")
				if imported == "" {
					imported = "."
				}
				if !known {
					t.Errorf("package %s imports %s but has no row in the table of house_test.go", pkg, imported)
				} else if !allowed(row, imported) {
					t.Errorf("package %s may not import %s", pkg, imported)
				}
			}
		}
	}
}

// TestPackageComments wants every package to say what it is for.
func TestPackageComments(t *testing.T) {
	for pkg, files := range packages(t) {
		if !slices.ContainsFunc(files, func(f *ast.File) bool { return f.Doc != nil && len(f.Doc.Text()) > 40 }) {
			t.Errorf("package %s has no comment that says what it is for and what it is not", pkg)
		}
	}
}

// TestRoot keeps the vocabulary small and passive.
func TestRoot(t *testing.T) {
	lines := 0
	for _, f := range packages(t)["."] {
		ast.Inspect(f, func(n ast.Node) bool {
			if _, ok := n.(*ast.GoStmt); ok {
				t.Error("the root package starts a goroutine")
			}
			return true
		})
		for _, imp := range f.Imports {
			if strings.Contains(imp.Path.Value, ".") {
				t.Errorf("the root package imports %s, which is not of the standard library", imp.Path.Value)
			}
		}
	}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines += strings.Count(string(text), "\n")
	}
	if lines > 1650 { // 1,600 were full when servers and volumes got snapshots: words, and no engine
		t.Errorf("the root package has %d lines, more than 1,650: an engine has moved in", lines)
	}
}

// TestNoInit keeps wiring literal: no init functions.
func TestNoInit(t *testing.T) {
	for pkg, files := range packages(t) {
		for _, f := range files {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("package %s has an init function", pkg)
				}
			}
		}
	}
}

// packages parses all packages of the house, without tests.
func packages(t *testing.T) map[string][]*ast.File {
	t.Helper()
	out := map[string][]*ast.File{}
	set := token.NewFileSet()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(set, p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(p))
		out[dir] = append(out[dir], f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 5 {
		t.Fatalf("found %d packages only", len(out))
	}
	return out
}
