// Package serverid derives the names by which a server knows itself, so that all who
// tell it say the same. It keeps nothing.
package serverid

import (
	"strings"

	"github.com/google/uuid"

	"github.com/stoker-project/stoker"
)

// space keeps our UUIDs apart from those of others.
var space = uuid.MustParse("5f1d6c57-8f5b-4a43-9d1b-6a3f0f3c2a11")

// UUID is a server's ID in Nova's form: always the same one for a token, and the
// token itself where it is a UUID.
func UUID(token stoker.ServerToken) string {
	if u, err := uuid.Parse(string(token)); err == nil {
		return u.String()
	}
	return uuid.NewSHA1(space, []byte(token)).String()
}

// Hostname makes a name for people into one that a host can have.
func Hostname(name string) string {
	h := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '-'
	}, name)
	return strings.Trim(h[:min(len(h), 63)], "-")
}
