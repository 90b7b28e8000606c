// Package token knows the bearers of static tokens: which project each may work
// in. It speaks no protocol and keeps no session. A Table never changes, so it
// may be used from any goroutine.
package token

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"

	"github.com/stoker-project/stoker"
)

// Grant is what a token allows.
type Grant struct {
	// Project is the bearer's own. An admin may name any other in the path.
	Project stoker.ProjectID
	Admin   bool
	// ReadOnly bearers change nothing.
	ReadOnly bool
	User     string // for people: recorded as the owner of what is made
}

// Table maps tokens to grants. Only hashes of the tokens are kept. The nil
// Table grants nothing.
type Table struct{ rows []row }

type row struct {
	hash  [sha256.Size]byte
	grant Grant
}

// Add gives a table with one more token.
func (t *Table) Add(token string, g Grant) *Table {
	next := &Table{}
	if t != nil {
		next.rows = append(next.rows, t.rows...)
	}
	next.rows = append(next.rows, row{sha256.Sum256([]byte(token)), g})
	return next
}

// Len is the number of tokens.
func (t *Table) Len() int {
	if t == nil {
		return 0
	}
	return len(t.rows)
}

// Lookup finds a token's grant. The time it takes does not depend on which
// token is asked for, nor on how much of it is right.
func (t *Table) Lookup(token string) (Grant, bool) {
	if t == nil || token == "" {
		return Grant{}, false
	}
	hash := sha256.Sum256([]byte(token))
	found := -1
	for i := range t.rows {
		if subtle.ConstantTimeCompare(hash[:], t.rows[i].hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return Grant{}, false
	}
	return t.rows[found].grant, true
}

// Parse reads a tokens file: one token a line, followed by its project and,
// optionally, the user's name and the word admin; # begins a comment.
//
//	3f9c...  shop      alice
//	77ab...  default   root   admin
func Parse(text, file string) (*Table, error) {
	t := &Table{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		g, err := parseGrant(words)
		if err != nil {
			return nil, &stoker.Error{Kind: stoker.Invalid, Pos: stoker.Pos{File: file, Line: n}, Message: err.Error(),
				Hint: "A line is: TOKEN PROJECT [USER [admin]]."}
		}
		t = t.Add(words[0], g)
	}
	if err := lines.Err(); err != nil {
		return nil, &stoker.Error{Kind: stoker.Invalid, Pos: stoker.Pos{File: file}, Message: "read tokens", Err: err}
	}
	if t.Len() == 0 {
		return nil, &stoker.Error{Kind: stoker.Invalid, Pos: stoker.Pos{File: file}, Message: "there is no token in the file",
			Hint: "A line is: TOKEN PROJECT [USER [admin]]."}
	}
	return t, nil
}

// minLength keeps tokens that can be guessed out of files; 16 characters of
// hexadecimal are 64 bits.
const minLength = 16

func parseGrant(words []string) (Grant, error) {
	switch {
	case len(words[0]) < minLength:
		return Grant{}, fmt.Errorf("the token is shorter than %d characters", minLength)
	case len(words) < 2:
		return Grant{}, fmt.Errorf("the token has no project")
	case len(words) > 4 || len(words) == 4 && words[3] != "admin":
		return Grant{}, fmt.Errorf("unexpected %q", words[len(words)-1])
	}
	g := Grant{Project: stoker.ProjectID(words[1]), Admin: len(words) == 4}
	if len(words) > 2 {
		g.User = words[2]
	}
	return g, nil
}
