package metadata

import "strings"

// node is a page: a leaf with a body, or a folder that lists what is below.
type node struct {
	body    []byte // of a leaf
	kind    string // its Content-Type; empty: plain text
	entries []entry
	leaf    bool
	slashes bool // folders in its list end in a slash, as with EC2
}

// entry is one line of a folder's list.
type entry struct {
	name  string
	shown string // in the list, where that is not the name; "-": not at all
	node  node
}

func text(s string) node { return node{body: []byte(s), leaf: true} }

func folder(entries ...entry) node { return node{entries: entries} }

// find walks down a path. Empty steps count for nothing, as with Nova.
func (n node) find(path string) (node, bool) {
	for step := range strings.SplitSeq(path, "/") {
		if step == "" {
			continue
		}
		next, ok := n.child(step)
		if !ok {
			return node{}, false
		}
		n = next
	}
	return n, true
}

func (n node) child(name string) (node, bool) {
	for _, e := range n.entries {
		if e.name == name {
			return e.node, true
		}
	}
	return node{}, false
}

// list is the body of a folder.
func (n node) list() string {
	var lines []string
	for _, e := range n.entries {
		switch {
		case e.shown == "-":
		case e.shown != "":
			lines = append(lines, e.shown)
		case n.slashes && !e.node.leaf:
			lines = append(lines, e.name+"/")
		default:
			lines = append(lines, e.name)
		}
	}
	return strings.Join(lines, "\n")
}
