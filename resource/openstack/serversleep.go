package openstack

import (
	"context"
	"fmt"

	"github.com/stoker-project/stoker"
)

// Sleep stops the server where it is; it keeps its memory and its address.
func (s server) Sleep(ctx context.Context, req *stoker.Request) error {
	p, err := s.pauser()
	if err == nil {
		err = p.Pause(ctx, token(req))
	}
	if err != nil {
		return fmt.Errorf("suspend server %s: %w", nameOf(req), err)
	}
	return nil
}

// Wake lets the server go on.
func (s server) Wake(ctx context.Context, req *stoker.Request) error {
	p, err := s.pauser()
	if err == nil {
		err = p.Unpause(ctx, token(req))
	}
	if err != nil {
		return fmt.Errorf("resume server %s: %w", nameOf(req), err)
	}
	return nil
}

func (s server) pauser() (stoker.ServerPauser, error) {
	p, ok := s.Driver.(stoker.ServerPauser)
	if !ok {
		return nil, &stoker.Error{Kind: stoker.Invalid, Type: "NotSupported", Message: "the driver cannot pause servers"}
	}
	return p, nil
}
