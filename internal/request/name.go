package request

import (
	"context"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

// Name is what a resource is called where its template gives no name:
// <stack>-<resource>-<short ID>, the same each time it is asked for.
func Name(req *stoker.Request) string {
	return fmt.Sprintf("%s-%s-%s", req.Stack.Name, req.Name, shortID(string(req.ID)))
}

// shortID is Heat's: 12 characters of base32 from a UUID.
func shortID(id string) string {
	b, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(b) < 8 {
		b = []byte(id)
	}
	s := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
	return s[:min(12, len(s))]
}

// UnknownAttribute is Heat's error for an attribute that a resource lacks.
func UnknownAttribute(name stoker.ResourceName, attribute string) error {
	return &stoker.Error{Kind: stoker.Invalid, Type: "InvalidTemplateAttribute",
		Message: fmt.Sprintf("The Referenced Attribute (%s %s) is incorrect.", name, attribute)}
}

// Pause waits for d, or until ctx ends; then its cause is the error.
func Pause(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
