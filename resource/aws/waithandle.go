package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// waitHandle is AWS::CloudFormation::WaitConditionHandle. Its reference is the
// address to signal.
type waitHandle struct {
	schema.Fixed
	d Deps
}

var (
	_ Handle            = waitHandle{}
	_ stoker.Attributer = waitHandle{}
	_ stoker.Referencer = waitHandle{}
)

func waitHandleSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "Takes signals, usually from inside an instance that has finished starting, for a wait condition.",
		Properties:  map[string]*stoker.Property{},
		Attributes:  schema.Attributes(nil),
	}
}

func bySignedURL(request.Values) map[string]any {
	return map[string]any{"signal_transport": "CFN_SIGNAL"}
}

func (h waitHandle) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return h.d.WaitHandle.Create(ctx, as(req, bySignedURL))
}

func (h waitHandle) Delete(ctx context.Context, req *stoker.Request) error {
	return h.d.WaitHandle.Delete(ctx, as(req, bySignedURL))
}

// Reference is the address, with the handle's ID behind it. No client sends that
// part, but a wait condition finds the handle by it.
func (h waitHandle) Reference(req *stoker.Request) string {
	return h.d.HandleURL(req.Stack, req.Name) + "#" + string(req.ID)
}

// handleOf is the handle that a reference names.
func handleOf(reference string) (stoker.ResourceID, bool) {
	_, id, _ := strings.Cut(reference, "#")
	return stoker.ResourceID(id), id != ""
}

// Signal takes the form of a body that AWS's tools send; all of it has to be there.
func (h waitHandle) Signal(ctx context.Context, req *stoker.Request, body map[string]any) (stoker.Result, string, error) {
	fields := []string{"Data", "Reason", "Status", "UniqueId"}
	status, _ := body["Status"].(string)
	if !slices.Equal(slices.Sorted(maps.Keys(body)), fields) || status != "SUCCESS" && status != "FAILURE" {
		return stoker.Result{}, "", &stoker.Error{Kind: stoker.Invalid, Type: "ValueError", Message: "Metadata format invalid",
			Hint: `A signal is {"Status": "SUCCESS" or "FAILURE", "Reason": ..., "UniqueId": ..., "Data": ...}, all of it.`}
	}
	return h.d.WaitHandle.Signal(ctx, as(req, bySignedURL), map[string]any{
		"status": status, "reason": fmt.Sprint(body["Reason"]), "id": fmt.Sprint(body["UniqueId"]), "data": body["Data"],
	})
}

func (waitHandle) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	if name == "show" {
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

// updateHandle is OS::Heat::UpdateWaitConditionHandle: each update of its stack
// makes another one, and so a condition on it waits again.
type updateHandle struct{ waitHandle }

var _ stoker.Renewer = updateHandle{}

func updateHandleSchema() *stoker.Schema {
	s := waitHandleSchema()
	s.Description = "Takes signals, as an AWS::CloudFormation::WaitConditionHandle does. Every update of its stack makes another one, with an address of its own: a wait condition on it waits again."
	return s
}

// RenewOnUpdate implements stoker.Renewer.
func (updateHandle) RenewOnUpdate() {}
