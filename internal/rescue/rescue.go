// Package rescue keeps a bug in one HTTP request from ending the others. What
// the client hears of it is the server's matter.
package rescue

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// Panic is deferred by what serves a request: it logs a panic with its stack and
// hands it to answer as an error. http.ErrAbortHandler goes on its way, as
// net/http wants.
func Panic(log *slog.Logger, r *http.Request, answer func(error)) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	log.Error("panic", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
	answer(fmt.Errorf("panic: %v", p))
}
