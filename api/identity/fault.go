package identity

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/password"
)

// errUnauthorized is what everybody hears whose token, password or scope is not
// right: not what is wrong with it.
var errUnauthorized = errors.New("authentication is needed")

// unauthorized is what Keystone says then.
const unauthorized = "The request you have made requires authentication."

// statuses translates kinds of error. What is not in it is a bug of ours.
var statuses = map[stoker.Kind]int{
	stoker.Invalid:     http.StatusBadRequest,
	stoker.NotFound:    http.StatusNotFound,
	stoker.Forbidden:   http.StatusForbidden,
	stoker.NoCapacity:  http.StatusTooManyRequests,
	stoker.Unavailable: http.StatusServiceUnavailable,
}

// fault answers an error in Keystone's shape.
func (s *Server) fault(w http.ResponseWriter, c *call, err error) {
	status, message := statuses[stoker.KindOf(err)], err.Error()
	switch {
	case errors.Is(err, errUnauthorized), errors.Is(err, password.ErrWrong):
		status, message = http.StatusUnauthorized, unauthorized
		w.Header().Set("WWW-Authenticate", `Keystone uri="`+s.base(c.Request)+`/v3"`)
	case status == http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "60")
	case status == 0 && c.Context().Err() != nil:
		return // nobody is there any more
	case status == 0:
		s.Logger.Error("request", "method", c.Method, "path", c.URL.Path, "err", err)
		status, message = http.StatusInternalServerError, "An unexpected error prevented the server from fulfilling your request."
	}
	writeFault(w, status, message)
}

func writeFault(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]any{"code": status, "message": message, "title": http.StatusText(status)}})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	text, err := json.Marshal(body)
	if err != nil { // all that is shown are strings
		status, text = http.StatusInternalServerError, []byte(`{"error":{"code":500}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that has left is not our trouble
}
