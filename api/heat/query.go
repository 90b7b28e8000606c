package heat

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/stoker-project/stoker"
)

// queryBool reads a boolean of the query; without it, the answer is otherwise.
func queryBool(q url.Values, name string, otherwise bool) (bool, error) {
	if !q.Has(name) {
		return otherwise, nil
	}
	return boolean(name, q.Get(name))
}

// queryInt reads a number that is not negative; 0 where there is none.
func queryInt(q url.Values, name string) (int, error) {
	text := q.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, refuse("HTTPBadRequest", "Only integer is acceptable by '%s'.", name)
	}
	if n < 0 {
		return 0, refuse("HTTPBadRequest", "Value '%d' must be greater than or equal to 0 for %q", n, name)
	}
	return n, nil
}

// queryDepth reads nested_depth, which old clients send as a boolean.
func queryDepth(q url.Values) (int, error) {
	switch strings.ToLower(q.Get("nested_depth")) {
	case "false", "none":
		return 0, nil
	case "true":
		return maxDepth, nil
	}
	n, err := queryInt(q, "nested_depth")
	return min(n, maxDepth), err
}

// maxDepth is beyond the nesting that any engine allows.
const maxDepth = 100

// queryDescending reads sort_dir.
func queryDescending(q url.Values, otherwise bool) (bool, error) {
	switch q.Get("sort_dir") {
	case "":
		return otherwise, nil
	case "asc":
		return false, nil
	case "desc":
		return true, nil
	}
	return false, refuse("HTTPBadRequest", "Unknown sort direction %q, must be one of asc, desc", q.Get("sort_dir"))
}

// queryWords reads a list that comes with commas, repeated, or both.
func queryWords(q url.Values, name string) []string {
	var out []string
	for _, v := range q[name] {
		for w := range strings.SplitSeq(v, ",") {
			if w = strings.TrimSpace(w); w != "" {
				out = append(out, w)
			}
		}
	}
	return out
}

// known refuses parameters of a query that are not among names.
func known(q url.Values, names ...string) error {
	for name := range q {
		found := false
		for _, n := range names {
			found = found || n == name
		}
		if !found {
			return &stoker.Error{Kind: stoker.Invalid, Type: "HTTPBadRequest", Message: "Invalid filter parameter " + strconv.Quote(name)}
		}
	}
	return nil
}
