package openstack

import "context"

// once does something until it has succeeded one time. Others wait meanwhile.
type once struct{ turn chan bool } // holds whether it is done

func newOnce() *once {
	o := &once{turn: make(chan bool, 1)}
	o.turn <- false
	return o
}

func (o *once) do(ctx context.Context, f func() error) error {
	var done bool
	select {
	case done = <-o.turn:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { o.turn <- done }()
	if done {
		return nil
	}
	err := f()
	done = err == nil
	return err
}
