package hot

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"slices"
	"strings"

	"github.com/stoker-project/stoker/internal/python"
)

// maxText bounds a text that functions build, in bytes: replacing and joining
// multiply what they are given.
const maxText = 8 << 20

func tooLong(name string) error {
	return valueErr(`the text made by "%s" is longer than %d bytes`, name, maxText)
}

func parseJoinOne(c *compiler, name string, arg *node) (Expr, error) {
	if !isList(arg) || len(arg.kids) != 2 {
		return nil, c.fail(arg, `Incorrect arguments to "%s" should be: "%s" : [ " ", [ "str1", "str2"]]`, name, name)
	}
	return c.ofItems(arg, func(args []any) (any, error) {
		if args[1] == nil {
			args[1] = []any{}
		}
		return join(name, args[0], args[1:], func(v any) (string, error) {
			return "", typeErr("Items to join must be strings not %s", shortRepr(v))
		})
	})
}

func parseJoinMany(c *compiler, name string, arg *node) (Expr, error) {
	if !isList(arg) || len(arg.kids) < 2 {
		return nil, c.fail(arg, `Incorrect arguments to "%s" should be: "%s" : [ " ", [ "str1", "str2"] ...]`, name, name)
	}
	return c.ofItems(arg, func(args []any) (any, error) {
		return join(name, args[0], args[1:], func(v any) (string, error) {
			if isScalar(v) {
				return "", typeErr("Items to join must be string, map or list not %s", shortRepr(v))
			}
			return dumpJSON(v), nil
		})
	})
}

// ofItems makes a function of a list's items, each resolved.
func (c *compiler) ofItems(arg *node, f func(args []any) (any, error)) (Expr, error) {
	items, err := c.items(arg)
	if err != nil {
		return nil, err
	}
	return &call{at: c.at(arg), args: items, f: f}, nil
}

func shortRepr(v any) string {
	r := pyRepr(v)
	return strings.ToValidUTF8(r[:min(len(r), 200)], "")
}

// join joins the items of all lists; text spells those that are no strings.
func join(name string, delim any, lists []any, text func(any) (string, error)) (any, error) {
	var parts []string
	size := 0
	d, isString := delim.(string)
	for _, l := range lists {
		items, ok := l.([]any)
		if !ok && truthy(l) || !ok && len(lists) == 1 && l != nil {
			return nil, typeErr(`"%s" must operate on a list`, name)
		}
		for _, item := range items {
			s, ok := item.(string)
			if !ok && item != nil {
				var err error
				if s, err = text(item); err != nil {
					return nil, err
				}
			}
			parts = append(parts, s)
			if size += len(s) + len(d); size > maxText {
				return nil, tooLong(name)
			}
		}
	}
	if !isString {
		return nil, typeErr(`"%s" delimiter must be a string`, name)
	}
	return strings.Join(parts, d), nil
}

func parseSplit(c *compiler, name string, arg *node) (Expr, error) {
	if _, text := arg.val.(string); text || c.plainMap(arg) {
		return nil, c.fail(arg, `Incorrect arguments to "%s" should be: "%s" : [ ",", "apples,pears", <index>]`, name, name)
	}
	return resolved(split)(c, name, arg)
}

func split(name string, arg any) (any, error) {
	args, ok := arg.([]any)
	if !ok || len(args) < 2 {
		return nil, valueErr(`Incorrect arguments to "%s" should be: "%s" : [ ",", "apples,pears", <index>]`, name, name)
	}
	if args[1] == nil {
		return nil, nil
	}
	text, ok := args[1].(string)
	if !ok {
		return nil, typeErr(`the second argument to "%s" must be a string, not %s`, name, shortRepr(args[1]))
	}
	parts, err := splitBy(name, text, args[0])
	if err != nil || len(args) == 2 {
		return parts, err
	}
	i, ok := args[2].(int64)
	if s, isString := args[2].(string); isString {
		i, ok = python.Int(s)
	}
	if !ok {
		return nil, valueErr(`Incorrect index to "%s" should be: "%s" : [ ",", "apples,pears", <index>]`, name, name)
	}
	part, ok := walkStep(parts, i)
	if !ok {
		return nil, valueErr(`Incorrect index to "%s" should be between 0 and %d`, name, len(parts)-1)
	}
	return part, nil
}

// splitBy is Python's split: a null delimiter splits at white space.
func splitBy(name, text string, delim any) ([]any, error) {
	var parts []string
	switch d := delim.(type) {
	case nil:
		parts = strings.Fields(text)
	case string:
		if d == "" {
			return nil, valueErr(`the delimiter of "%s" is empty`, name)
		}
		parts = strings.Split(text, d)
	default:
		return nil, typeErr(`the delimiter of "%s" must be a string`, name)
	}
	out := make([]any, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return out, nil
}

func algorithms() map[string]func() hash.Hash {
	return map[string]func() hash.Hash{
		"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New,
		"sha384": sha512.New384, "sha512": sha512.New,
		"sha512_224": sha512.New512_224, "sha512_256": sha512.New512_256,
		"sha3_224": func() hash.Hash { return sha3.New224() }, "sha3_256": func() hash.Hash { return sha3.New256() },
		"sha3_384": func() hash.Hash { return sha3.New384() }, "sha3_512": func() hash.Hash { return sha3.New512() },
	}
}

func digest(name string, arg any) (any, error) {
	args, ok := arg.([]any)
	texts := make([]string, len(args))
	for i, a := range args {
		s, isString := a.(string)
		texts[i], ok = s, ok && isString
	}
	if !ok {
		return nil, typeErr(`Argument to function "%s" must be a list of strings`, name)
	}
	if len(args) != 2 {
		return nil, valueErr(`Function "%s" usage: ["<algorithm>", "<value>"]`, name)
	}
	known := algorithms()
	newHash := known[strings.ToLower(texts[0])]
	if newHash == nil {
		var names []string
		for n := range known {
			names = append(names, n)
		}
		slices.Sort(names)
		return nil, valueErr("Algorithm must be one of %s", strings.Join(names, ", "))
	}
	h := newHash()
	for i, r := range texts[1] {
		if r > 0xff {
			return nil, valueErr("the value for %q has a character outside latin-1 at byte %d", name, i)
		}
		h.Write([]byte{byte(r)})
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
