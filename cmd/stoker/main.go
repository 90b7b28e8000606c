// Command stoker keeps a web application the right size: it is the server, the
// command line that talks to it, and the application of the demonstration. This
// package holds flags and subcommands; what they do is in packages app and client.
//
// Exit codes:
//
//	0    done
//	1    an error that is none of the others
//	2    wrong usage, or input that can never succeed (a fault in a template)
//	3    what was named does not exist, or may not be seen
//	4    a conflict: it exists already, or something else is under way
//	5    the operation was carried out and failed (a stack is FAILED)
//	6    the server, or a part of it, does not answer
//	130  interrupted
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/stoker-project/stoker"
)

// version is set by the build.
var version = "dev"

func main() { os.Exit(run(os.Args[1:])) }

// run runs the command line and gives the exit code. The first interrupt asks
// the command to end, the second ends the process.
func run(args []string) int {
	root := newRoot(&session{out: os.Stdout, err: os.Stderr, env: os.Getenv})
	root.SetArgs(args)
	if len(args) > 0 && args[0] == "guest" { // which has signals for others
		return report(os.Stderr, root.Execute())
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	go func() {
		select {
		case <-signals:
			cancel(errInterrupted)
		case <-ctx.Done():
			return
		}
		if _, ok := <-signals; ok {
			fmt.Fprintln(os.Stderr, "stoker: forced to end")
			os.Exit(codeInterrupted)
		}
	}()
	err := root.ExecuteContext(ctx)
	return report(os.Stderr, err)
}

// errInterrupted is why a command ends that the user has interrupted.
var errInterrupted = errors.New("interrupted")

// The exit codes.
const (
	codeOther       = 1
	codeInvalid     = 2
	codeNotFound    = 3
	codeConflict    = 4
	codeFailed      = 5
	codeUnavailable = 6
	codeInterrupted = 130
)

// failedError says that an operation was carried out and failed.
type failedError struct{ reason string }

func (e *failedError) Error() string { return e.reason }

// usageError is a command line that does not make sense.
type usageError struct{ error }

// report writes an error for people and gives its exit code.
func report(w io.Writer, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return codeInterrupted
	}
	var status statusError
	if errors.As(err, &status) {
		return int(status)
	}
	fmt.Fprintln(w, "stoker:", err)
	var failed *failedError
	var usage usageError
	switch {
	case errors.As(err, &failed):
		return codeFailed
	case errors.As(err, &usage):
		return codeInvalid
	}
	switch stoker.KindOf(err) {
	case stoker.Invalid:
		return codeInvalid
	case stoker.NotFound, stoker.Forbidden:
		return codeNotFound
	case stoker.Exists, stoker.Conflict, stoker.NoCapacity:
		return codeConflict
	case stoker.Unavailable:
		return codeUnavailable
	}
	return codeOther
}
