package haproxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

// pool is one as wanted, and as last seen.
type pool struct {
	want    stoker.Pool // with defaults, every listener with its port
	asked   []int       // the ports that were asked for: 0 where we chose
	backend string      // HAProxy's name for it, kept for its life
	certs   []string    // file of each listener's certificate, below Dir
	members map[stoker.MemberID]*member

	ledger
}

// phase is where a member stands with us; HAProxy knows the rest.
//
//	checking --> serving --> leaving --> (gone)
//	    ^-----------|-----------|
//
// A member in checking has no server in HAProxy, or one in maintenance.
type phase string

const (
	checking phase = "checking"
	serving  phase = "serving"
	leaving  phase = "leaving"
)

// member is one as wanted, and as last seen.
type member struct {
	want    stoker.Member
	phase   phase
	address string // ip:port that answered the first check; empty before
	wasUp   bool
	adopted bool // found in HAProxy; nobody has said yet that it is wanted
	fresh   bool // a first check has passed, and HAProxy has not taken it in yet

	state    stoker.MemberState
	lastErr  string
	changed  chan struct{} // closed and replaced when state or lastErr change
	stop     context.CancelFunc
	removers int           // callers that wait until it is gone
	cut      bool          // break off what is in flight
	idle     time.Time     // since when nothing is in flight while leaving
	gone     chan struct{} // closed when it has left or was replaced
	replaced bool

	ledger
}

func newMember(want stoker.Member) *member {
	return &member{
		want: want, phase: checking, state: stoker.MemberChecking, stop: func() {},
		changed: make(chan struct{}), gone: make(chan struct{}),
	}
}

// become notes a state and tells those that wait for one.
func (m *member) become(s stoker.MemberState, lastErr string) {
	if m.state == s && m.lastErr == lastErr {
		return
	}
	m.state, m.lastErr = s, lastErr
	m.wasUp = m.wasUp || s == stoker.MemberUp
	close(m.changed)
	m.changed = make(chan struct{})
}

// server is HAProxy's name for the member at its address.
func (m *member) server() string { return serverName(m.want.ID, m.address) }

// serverName makes a name that tells the member and, by a hash, the address: a
// member at another address is another server. Letters that HAProxy does not
// take in names are written as :XX.
func serverName(id stoker.MemberID, address string) string {
	var b strings.Builder
	for _, c := range []byte(id) {
		if nameByte(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, ":%02X", c)
		}
	}
	return b.String() + ":" + hash(address)
}

// memberOf reads a name back. ok is false for servers that are none of ours.
func memberOf(name, address string) (id stoker.MemberID, ok bool) {
	name, ok = strings.CutSuffix(name, ":"+hash(address))
	if !ok || name == "" {
		return "", false
	}
	head, rest, more := strings.Cut(name, ":")
	var b strings.Builder
	b.WriteString(head)
	for more {
		head, rest, more = strings.Cut(rest, ":")
		if len(head) < 2 {
			return "", false
		}
		c, err := strconv.ParseUint(head[:2], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(c))
		b.WriteString(head[2:])
	}
	return stoker.MemberID(b.String()), true
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.", c) >= 0
}

// hash is a short one for names; nobody gains by finding another text for it.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// serverKey names a server in HAProxy.
type serverKey struct{ backend, server string }

func (k serverKey) String() string { return k.backend + "/" + k.server }
