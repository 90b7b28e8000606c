package heat

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

// faultBody is Heat's error body. The members behind traceback are Stoker's own;
// clients of Heat pass over them.
type faultBody struct {
	Code        int        `json:"code"`
	Title       string     `json:"title"`
	Explanation string     `json:"explanation"`
	Error       faultError `json:"error"`
}

type faultError struct {
	Type      string  `json:"type"`
	Message   string  `json:"message"`
	Traceback *string `json:"traceback"`

	Path   string `json:"path,omitempty"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Hint   string `json:"hint,omitempty"`
}

// statuses is Heat's table from exception class to status. What is not in it
// follows from the kind of the error.
var statuses = map[string]int{
	"EntityNotFound":          http.StatusNotFound,
	"NotFound":                http.StatusNotFound,
	"ResourceNotAvailable":    http.StatusNotFound,
	"ResourceNotFound":        http.StatusNotFound,
	"SnapshotNotFound":        http.StatusNotFound,
	"StackExists":             http.StatusConflict,
	"ActionInProgress":        http.StatusConflict,
	"Forbidden":               http.StatusForbidden,
	"InvalidTenant":           http.StatusForbidden,
	"RequestLimitExceeded":    http.StatusBadRequest,
	"NotSupported":            http.StatusBadRequest,
	"ResourceTypeUnavailable": http.StatusBadRequest,
	"HTTPMethodNotAllowed":    http.StatusMethodNotAllowed,
}

// kinds says for each kind of error its status and, where the error has none,
// the exception class.
var kinds = map[stoker.Kind]struct {
	status int
	class  string
}{
	stoker.Invalid:     {http.StatusBadRequest, "StackValidationFailed"},
	stoker.NotFound:    {http.StatusNotFound, "EntityNotFound"},
	stoker.Exists:      {http.StatusConflict, "StackExists"},
	stoker.Conflict:    {http.StatusConflict, "ActionInProgress"},
	stoker.Forbidden:   {http.StatusForbidden, "Forbidden"},
	stoker.NoCapacity:  {http.StatusBadRequest, "RequestLimitExceeded"},
	stoker.Unavailable: {http.StatusServiceUnavailable, "ServiceUnavailable"},
}

var explanations = map[int]string{
	http.StatusBadRequest:          "The server could not comply with the request since it is either malformed or otherwise incorrect.",
	http.StatusUnauthorized:        "Authentication is required to access this resource.",
	http.StatusForbidden:           "Access was denied to this resource.",
	http.StatusNotFound:            "The resource could not be found.",
	http.StatusMethodNotAllowed:    "The method specified is not allowed for this resource.",
	http.StatusConflict:            "There was a conflict when trying to complete your request.",
	http.StatusTooManyRequests:     "Too many requests were refused. Please wait.",
	http.StatusInternalServerError: "The server has either erred or is incapable of performing the requested operation.",
	http.StatusServiceUnavailable:  "The server is currently unavailable. Please try again at a later time.",
}

// fault answers an error. One that is of no kind is a bug of ours: it is
// logged, and the client learns nothing of it.
func (s *server) fault(w http.ResponseWriter, c *call, err error) {
	e, ok := stoker.AsError(err)
	if !ok || e.Kind == stoker.Internal {
		if ctx := c.Context(); ctx.Err() != nil {
			return // nobody is there any more
		}
		s.log.Error("request", "method", c.Method, "path", c.URL.Path, "err", err)
		writeFault(w, faultOf(http.StatusInternalServerError, "InternalServerError", "An internal error has occurred; the server's log tells more."))
		return
	}
	f := faultOf(kinds[e.Kind].status, classOf(e), message(err, e))
	switch e.Type {
	case hot.TypeTemplateFormat:
		f.Error.Message = "Template not in valid format: " + f.Error.Message + inWords(e.Pos)
	case hot.TypeEnvironmentFormat:
		f.Error.Message = "Environment not in valid format: " + f.Error.Message + inWords(e.Pos)
	}
	if c.validates && f.Error.Type == "StackValidationFailed" {
		f.Error.Type = "HTTPBadRequest" // Heat's engine answers with it, and refuses nothing
	}
	if status, ok := statuses[f.Error.Type]; ok {
		f = recode(f, status)
	}
	f.Error.Path, f.Error.Hint = e.Path, e.Hint
	f.Error.File, f.Error.Line, f.Error.Column = e.Pos.File, e.Pos.Line, e.Pos.Column
	writeFault(w, f)
}

// classOf is the class of Heat's exception that a client sees for an error. What goes wrong
// in a function of a template is of its own class in the engine only.
func classOf(e *stoker.Error) string {
	switch e.Type {
	case "":
		return kinds[e.Kind].class
	case hot.TypeTemplateFormat, hot.TypeEnvironmentFormat:
		return "HTTPBadRequest"
	case "InvalidTemplateSection":
		return "StackValidationFailed"
	case "ValueError", "TypeError", "KeyError", "UserParameterMissing", "InvalidTemplateAttribute":
		if strings.HasPrefix(e.Path, "resources.") || strings.HasPrefix(e.Path, "outputs.") {
			return "StackValidationFailed"
		}
	}
	return e.Type
}

// inWords tells those where it is whose clients show the message only.
func inWords(p stoker.Pos) string {
	if p.Line == 0 {
		return ""
	}
	out := fmt.Sprintf(" (line %d", p.Line)
	if p.Column > 0 {
		out += fmt.Sprintf(", column %d", p.Column)
	}
	if p.File != "" {
		out += " of " + p.File
	}
	return out + ")"
}

// message is the error's text without its position and hint, which have members
// of their own; what wraps it stays in front.
func message(err error, e *stoker.Error) string {
	bare := *e
	bare.Pos, bare.Hint = stoker.Pos{}, ""
	if around, ok := strings.CutSuffix(err.Error(), e.Error()); ok {
		return around + bare.Error()
	}
	return bare.Error()
}

func faultOf(status int, class, msg string) faultBody {
	return recode(faultBody{Error: faultError{Type: class, Message: msg}}, status)
}

func recode(f faultBody, status int) faultBody {
	f.Code, f.Title, f.Explanation = status, http.StatusText(status), explanations[status]
	return f
}

func writeFault(w http.ResponseWriter, f faultBody) {
	if f.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, f.Code, f)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	text, err := json.Marshal(body)
	if err != nil {
		// Only values from templates are free in form, and those have a JSON
		// form but for infinities.
		status, text = http.StatusInternalServerError, []byte(`{"code":500,"title":"Internal Server Error","error":{"type":"InternalServerError","message":"the answer has no JSON form"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that has left is not our trouble
}

// null is a body of the JSON word null.
var null = json.RawMessage("null")

func invalid(format string, args ...any) error { return stoker.Errorf(stoker.Invalid, format, args...) }

func refuse(class, format string, args ...any) error {
	err := invalid(format, args...)
	var e *stoker.Error
	if errors.As(err, &e) {
		e.Type = class
	}
	return err
}
