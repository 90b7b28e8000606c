package hot

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stoker-project/stoker/internal/python"
)

func urlArgs() []string {
	return []string{"scheme", "username", "password", "host", "port", "path", "query", "fragment"}
}

func parseMakeURL(c *compiler, name string, arg *node) (Expr, error) {
	if !arg.isMap() {
		return nil, c.fail(arg, `The arguments to "%s" must be a map`, name)
	}
	if c.plainMap(arg) {
		for _, k := range arg.keys {
			if !slices.Contains(urlArgs(), k) {
				return nil, c.fail(arg, `Invalid arguments to "%s": %s`, name, k)
			}
		}
	}
	return resolved(makeURL)(c, name, arg)
}

// makeURL puts a URL together, escaping each part as its place needs it.
func makeURL(name string, arg any) (any, error) {
	args, ok := arg.(map[string]any)
	if !ok {
		return nil, typeErr(`The arguments to "%s" must be a map`, name)
	}
	if err := checkURLArgs(name, args); err != nil {
		return nil, err
	}
	text := func(key string) string { s, _ := args[key].(string); return s }
	var b strings.Builder
	scheme := text("scheme")
	if strings.Contains(scheme, ":") {
		return nil, valueErr(`URL "scheme" should not contain ':'`)
	}
	if scheme != "" {
		b.WriteString(scheme + ":")
	}
	authority := urlAuthority(args, text)
	path := quote(text("path"), "/")
	if authority != "" || scheme == "file" {
		b.WriteString("//" + authority)
		if path != "" && !strings.HasPrefix(path, "/") {
			b.WriteByte('/')
		}
	}
	b.WriteString(path)
	if q, ok := args["query"].(map[string]any); ok && len(q) > 0 {
		b.WriteString("?" + urlQuery(q))
	}
	if f := text("fragment"); f != "" {
		b.WriteString("#" + quote(f, "/"))
	}
	return b.String(), nil
}

func checkURLArgs(name string, args map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(args)) {
		v := args[key]
		if v == nil {
			continue
		}
		switch key {
		case "query":
			if _, ok := v.(map[string]any); !ok {
				return typeErr(`The "query" argument to "%s" must be a map`, name)
			}
		case "port":
			if err := checkPort(name, v); err != nil {
				return err
			}
		default:
			if !slices.Contains(urlArgs(), key) {
				return valueErr(`Invalid arguments to "%s": %s`, name, key)
			}
			if !isString(v) {
				return typeErr(`The "%s" argument to "%s" must be a string`, key, name)
			}
		}
	}
	return nil
}

func checkPort(name string, v any) error {
	port, ok := v.(int64)
	if s, isText := v.(string); isText {
		port, ok = python.Int(s)
	}
	if !ok {
		return valueErr(`Invalid URL port "%s" for %s`, pyStr(v), name)
	}
	if port <= 0 || port > 65535 {
		return valueErr("Invalid URL port %d, must be in range 1-65535", port)
	}
	return nil
}

func urlAuthority(args map[string]any, text func(string) string) string {
	var b strings.Builder
	user, password := text("username"), text("password")
	if user != "" || password != "" {
		b.WriteString(quote(user, ""))
		if password != "" {
			b.WriteString(":" + quote(password, ""))
		}
		b.WriteByte('@')
	}
	host := quote(strings.TrimSuffix(strings.TrimPrefix(text("host"), "["), "]"), ":")
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	b.WriteString(host)
	if port := args["port"]; port != nil {
		b.WriteString(":" + strings.TrimSpace(pyStr(port)))
	}
	return b.String()
}

func urlQuery(q map[string]any) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(q)) {
		parts = append(parts, plus(quote(k, " /"))+"="+plus(quote(textOf(q[k]), " /")))
	}
	return strings.Join(parts, "&")
}

func plus(s string) string { return strings.ReplaceAll(s, " ", "+") }

// quote percent-escapes all but letters, digits, "_.-~" and the safe ones.
func quote(s, safe string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.-~"+safe, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
