package access

import (
	"context"
	"errors"

	"github.com/tg123/go-htpasswd"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/password"
	"github.com/stoker-project/stoker/internal/token"
)

// Htpasswd lets in the users of an htpasswd file, all in one project. The file
// is read once.
type Htpasswd struct {
	file    *htpasswd.File
	project stoker.ProjectID
	checker *password.Checker
}

// OpenHtpasswd reads an htpasswd file. Invalid when it cannot be read, or has a
// line that is none.
func OpenHtpasswd(path string, project stoker.ProjectID) (*Htpasswd, error) {
	var bad error
	f, err := htpasswd.New(path, systems, func(err error) { bad = err })
	if err == nil {
		err = bad
	}
	if err != nil {
		return nil, &stoker.Error{Kind: stoker.Invalid, Pos: stoker.Pos{File: path}, Message: "read htpasswd file", Err: err}
	}
	return &Htpasswd{file: f, project: project, checker: password.NewChecker()}, nil
}

// systems are the kinds of hash. Passwords as plain text are refused.
var systems = []htpasswd.PasswdParser{
	htpasswd.AcceptBcrypt, htpasswd.AcceptMd5, htpasswd.AcceptSha, htpasswd.AcceptSsha, htpasswd.AcceptCryptSha, htpasswd.RejectPlain,
}

// Login fulfils Login. Nobody in the file may work in other projects.
func (h *Htpasswd) Login(ctx context.Context, c Credentials) (token.Grant, error) {
	err := h.checker.Check(ctx, password.Attempt{Who: c.User, Password: c.Password, From: c.From},
		func() (bool, error) { return h.file.Match(c.User, c.Password), nil })
	if errors.Is(err, password.ErrWrong) {
		err = ErrUnknown
	}
	return token.Grant{Project: h.project, User: c.User}, err
}
