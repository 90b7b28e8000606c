//go:build linux

package process

import (
	"slices"

	"github.com/stoker-project/stoker"
)

// server is what the driver knows of one token.
//
//	written --> running --> ended
//	   |           |          |----> leaving --> (gone)
//
// The fields below ended are guarded by Driver.mu.
type server struct {
	token  stoker.ServerToken
	record record
	bad    error // why the record cannot be used; nil: it can

	// ended is closed when there is nothing (more) to wait for: the end by itself,
	// or a start that did not take place.
	ended chan struct{}

	state   *state // nil until started
	end     *end   // nil until it ended by itself
	leaving bool   // its destruction was asked for
}

func newServer(token stoker.ServerToken) *server {
	return &server{token: token, ended: make(chan struct{})}
}

// view is the server for callers; Driver.mu is held.
func (s *server) view() stoker.Server {
	v := stoker.Server{
		Token:   s.token,
		ID:      stoker.PhysicalID(s.token),
		Name:    s.record.Spec.Name,
		Project: s.record.Spec.Project,
		Path:    slices.Clone(s.record.Spec.Path),
		State:   stoker.ServerBuild,
		Port:    s.record.Port,
		Created: s.record.Created,
	}
	if s.record.Address != "" {
		v.Addresses = []stoker.Address{{Network: "loopback", IP: s.record.Address}}
	}
	if s.state != nil {
		v.State = stoker.ServerActive
		v.Notes = slices.Clone(s.state.Notes)
		if s.state.Process.isStopped() {
			v.State = stoker.ServerPaused
		}
	}
	if s.end != nil {
		v.State, v.Reason = s.end.State, s.end.Reason
	}
	return v
}
