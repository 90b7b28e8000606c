package account

import (
	"context"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/stoker-project/stoker/internal/password"
)

// Password checks a user's password; a nil user has none that is right. from is
// the address of the one who asks. The errors are those of password.Checker.
func (d *Directory) Password(ctx context.Context, u *User, text, from string) error {
	if u == nil {
		return d.check(ctx, "", password.Attempt{Password: text, From: from})
	}
	return d.check(ctx, u.Hash, password.Attempt{Who: "user " + u.ID, Password: text, From: from})
}

// Secret checks the secret of an application credential as Password does. One
// that has expired is refused.
func (d *Directory) Secret(ctx context.Context, a *App, secret, from string) error {
	if a == nil || a.Expired() {
		return d.check(ctx, "", password.Attempt{Password: secret, From: from})
	}
	return d.check(ctx, a.Hash, password.Attempt{Who: "app " + a.ID, Password: secret, From: from})
}

// Expired tells whether a credential has ended.
func (a *App) Expired() bool { return !a.Expires.IsZero() && time.Now().After(a.Expires) }

// check compares; where there is no hash too, for the sake of the time it takes.
func (d *Directory) check(ctx context.Context, hash string, a password.Attempt) error {
	return d.checker.Check(ctx, a, func() (bool, error) {
		if hash == "" {
			_ = bcrypt.CompareHashAndPassword(d.dummy(), []byte(a.Password))
			return false, nil
		}
		return bcrypt.CompareHashAndPassword([]byte(hash), []byte(a.Password)) == nil, nil
	})
}
