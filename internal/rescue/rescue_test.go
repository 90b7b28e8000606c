package rescue

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func serve(log *strings.Builder, what any) (got error) {
	r := httptest.NewRequest("GET", "/somewhere", nil)
	defer Panic(slog.New(slog.NewTextHandler(log, nil)), r, func(err error) { got = err })
	if what != nil {
		panic(what)
	}
	return nil
}

func TestPanic(t *testing.T) {
	var log strings.Builder
	if err := serve(&log, nil); err != nil || log.Len() > 0 {
		t.Errorf("without a panic: %v, log %q", err, log.String())
	}
	if err := serve(&log, "a bug"); err == nil || err.Error() != "panic: a bug" {
		t.Errorf("answer %v, want panic: a bug", err)
	}
	for _, want := range []string{"path=/somewhere", "a bug", "rescue_test.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q: %s", want, log.String())
		}
	}
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recovered %v, want ErrAbortHandler", p)
		}
	}()
	_ = serve(&log, http.ErrAbortHandler)
}
