package guest

import (
	"io"
	"os"
	"sync"
	"time"
)

// tail is how much of the output a report may quote.
const tail = 1500

// output copies what programs write to the server's log and to a file, and remembers
// the end of it. Its methods may be called concurrently.
type output struct {
	mu   sync.Mutex
	log  io.Writer
	file *os.File // nil: it cannot be written
	end  []byte
	wg   sync.WaitGroup
}

func newOutput(log io.Writer, file string) *output {
	o := &output{log: log}
	if f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640); err == nil {
		o.file = f
	}
	return o
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = o.log.Write(p) // programs go on when nobody listens
	if o.file != nil {
		_, _ = o.file.Write(p)
	}
	o.end = append(o.end, p...)
	if len(o.end) > 2*tail {
		o.end = append([]byte(nil), o.end[len(o.end)-tail:]...)
	}
	return len(p), nil
}

func (o *output) line(text string) { _, _ = o.Write([]byte(text + "\n")) }

// forget begins anew what last gives.
func (o *output) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end = nil
}

func (o *output) last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.end[max(0, len(o.end)-tail):])
}

// pipe gives an end for a program to write to; done is closed when all who have it
// have closed it.
func (o *output) pipe() (w *os.File, done <-chan struct{}, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	end := make(chan struct{})
	o.wg.Go(func() {
		defer close(end)
		defer r.Close()
		_, _ = io.Copy(o, r) // an error is an end too
	})
	return w, end, nil
}

// settleTime is how long to wait for the last lines of a program that has ended while
// others, which it has started, still have its output.
const settleTime = 300 * time.Millisecond

func settle(done <-chan struct{}) {
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// wait returns when nobody writes any more.
func (o *output) wait() { o.wg.Wait() }
