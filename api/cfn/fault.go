package cfn

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/awssign"
)

// problem is an error in AWS's terms.
type problem struct {
	status        int
	code, message string
}

func (p *problem) Error() string { return p.message }

// codes is Heat's table from exception class to AWS's code. What is not in it
// follows from the kind of the error.
var codes = map[string]string{
	"ActionInProgress":     "InvalidAction",
	"RequestLimitExceeded": "RequestLimitExceeded",
	"StackExists":          "AlreadyExists",
	"Forbidden":            "AccessDenied",
}

// kinds says for each kind of error its code.
var kinds = map[stoker.Kind]string{
	stoker.Invalid:     "InvalidParameterValue",
	stoker.NotFound:    "InvalidParameterValue", // so does AWS, and Heat
	stoker.Exists:      "AlreadyExists",
	stoker.Conflict:    "InvalidAction",
	stoker.Forbidden:   "AccessDenied",
	stoker.NoCapacity:  "RequestLimitExceeded",
	stoker.Unavailable: "ServiceUnavailable",
}

// statuses are those that are not 400.
var statuses = map[string]int{
	"AccessDenied":               http.StatusForbidden,
	"InvalidClientTokenId":       http.StatusForbidden,
	"MissingAuthenticationToken": http.StatusForbidden,
	"SignatureDoesNotMatch":      http.StatusForbidden,
	"ServiceUnavailable":         http.StatusServiceUnavailable,
}

// fault answers an error in AWS's shape. One of no kind is a bug of ours: it is
// logged, and the client learns nothing of it.
func (s *Server) fault(w http.ResponseWriter, c *call, err error) {
	p, signature := &problem{}, &awssign.Error{}
	switch e, ok := stoker.AsError(err); {
	case errors.As(err, &p):
	case errors.As(err, &signature):
		p = &problem{0, signature.Code, signature.Message}
	case ok && e.Kind != stoker.Internal:
		p = &problem{0, cmp.Or(codes[e.Type], kinds[e.Kind]), err.Error()}
	case c.Context().Err() != nil:
		return // nobody is there any more
	default:
		s.Logger.Error("request", "method", c.Method, "path", c.URL.Path, "err", err)
		p = &problem{http.StatusInternalServerError, "InternalFailure", "An internal error has occurred; the server's log tells more."}
	}
	status := cmp.Or(p.status, statuses[p.code], http.StatusBadRequest)
	side := "Sender"
	if status >= http.StatusInternalServerError {
		side = "Server"
	}
	c.write(w, status, object{{"ErrorResponse", object{{"Error", object{{"Type", side}, {"Code", p.code}, {"Message", p.message}}}}}})
}

func missing(name string) error {
	return &problem{http.StatusBadRequest, "MissingParameter", "The request must have the parameter " + name + "."}
}

func invalid(format string, args ...any) error { return stoker.Errorf(stoker.Invalid, format, args...) }
