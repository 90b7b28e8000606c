package app_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stoker-project/stoker/app"
)

// through tells whether the door lets a request pass.
func through(method, target string) bool {
	passed := false
	h := app.SignalsOnly(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, target, nil))
	return passed
}

func TestDoor(t *testing.T) {
	const arn = "arn%3Aopenstack%3Aheat%3A%3Ap%3Astacks%2Fs%2Fid%2Fresources%2Fr?Signature=x"
	for _, target := range []string{
		"POST /v1/p/stacks/s/id/resources/r/signal", "POST /v1/signal/" + arn, "PUT /v1/signal/" + arn,
		"PUT /v1/waitcondition/" + arn, "POST /v1/p/stacks/s/id/resources/r%20x/signal?token=1",
	} {
		if method, path, _ := strings.Cut(target, " "); !through(method, path) {
			t.Errorf("%s does not pass", target)
		}
	}
	for _, target := range []string{
		"GET /v1/p/stacks/s/id/resources/r/signal", "PUT /v1/p/stacks/s/id/resources/r/signal", "DELETE /v1/signal/" + arn,
		"POST /v1/p/stacks/s/id/resources/../signal", "POST /v1/p/stacks/s/id/resources/%2e%2e/signal", "POST /v1/p/stacks//id/resources/r/signal",
		"POST /v1/p/stacks/s/id/resources/r/signal/", "POST /v1/p/stacks/s/id/resources/r%2Fx/signal", "POST //v1/p/stacks/s/id/resources/r/signal",
		"POST /v1/signal/x", "POST /v1/signal/arn:/../../p/stacks", "POST /v1/", "POST /v1?Action=DeleteStack", "POST /v2/p/stacks/s/id/resources/r/signal", "POST /",
	} {
		if method, path, _ := strings.Cut(target, " "); through(method, path) {
			t.Errorf("%s passes", target)
		}
	}
}

// TestDoorAndAllRoutes walks all addresses that the sources of the APIs hold: of all
// that there will ever be, only those that end in /signal may pass.
func TestDoorAndAllRoutes(t *testing.T) {
	passed, seen := 0, 0
	for _, path := range routes(t) {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			seen++
			if !through(method, path) {
				continue
			}
			passed++
			if method != "POST" || !strings.HasSuffix(path, "/signal") {
				t.Errorf("%s %s passes", method, path)
			}
		}
	}
	if passed != 1 || seen < 300 {
		t.Errorf("got %d of %d through, want one, the signal of a resource", passed, seen)
	}
}

var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// routes are all texts in the APIs' sources that look like paths, put together with the
// constants that they begin with.
func routes(t *testing.T) (all []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("../api"), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), "../api/"+name, nil, 0)
		if err != nil {
			return err
		}
		constants := map[string]string{}
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok {
				for k, name := range v.Names {
					if k < len(v.Values) {
						constants[name.Name] = textOf(v.Values[k], constants)
					}
				}
			}
			if x, ok := n.(ast.Expr); ok {
				text := textOf(x, constants)
				if _, path, ok := strings.Cut(text, " /"); ok { // a verb stands before
					text = "/" + path
				}
				if strings.HasPrefix(text, "/") && !strings.ContainsAny(text, " \n%") {
					all = append(all, wildcard.ReplaceAllString(text, "x"))
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return distinct(all)
}

func distinct(all []string) (out []string) {
	seen := map[string]bool{}
	for _, s := range all {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

func textOf(x ast.Expr, constants map[string]string) string {
	switch x := x.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(x.Value); err == nil && x.Kind == token.STRING {
			return s
		}
	case *ast.Ident:
		return constants[x.Name]
	case *ast.BinaryExpr:
		if x.Op == token.ADD {
			return textOf(x.X, constants) + textOf(x.Y, constants)
		}
	}
	return ""
}

func TestLoopbackURL(t *testing.T) {
	for base, want := range map[string]string{
		"http://127.0.0.1:8004": "127.0.0.1:8004", "http://localhost:1": "127.0.0.1:1", "http://127.0.0.2": "127.0.0.2:80", "http://[::1]:5": "[::1]:5",
		"https://127.0.0.1:8004": "", "http://192.0.2.1:8004": "", "http://stoker.example.org": "", "": "", "http://[::]:8004": "",
	} {
		at, ok := app.LoopbackURL(base)
		if got := at.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%q: got %s, %t, want %q", base, got, ok, want)
		}
	}
}
