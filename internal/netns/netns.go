// Package netns does something inside another network namespace of this machine: a
// container's, for example. It makes no namespaces, and knows nothing of what they
// are for. Linux only, and only for those who may: root, in general.
package netns

import (
	"context"
	"fmt"
	"net"
)

// Listen makes a listener inside the namespace at path, as Do. Whoever connects to
// it must be in that namespace; Accept works from everywhere.
func Listen(ctx context.Context, path, network, address string) (net.Listener, error) {
	var l net.Listener
	err := Do(path, func() (err error) {
		l, err = new(net.ListenConfig).Listen(ctx, network, address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen on %s in %s: %w", address, path, err)
	}
	return l, nil
}
