package heat

import (
	"context"
	"fmt"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// swiftSignalHandle is OS::Heat::SwiftSignalHandle without Swift: a wait handle whose
// address takes PUT from whoever knows it. Its reference is the address.
type swiftSignalHandle struct{ waitHandle }

var (
	_ stoker.Signaller  = swiftSignalHandle{}
	_ stoker.Referencer = swiftSignalHandle{}
)

func swiftSignalHandleSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "Takes signals, usually from inside a server that has finished starting, for an OS::Heat::SwiftSignal. No Swift is needed.",
		Properties:  map[string]*stoker.Property{},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"token":    {Type: stoker.TypeString, Description: "Null: whoever knows the address may signal."},
			"endpoint": {Type: stoker.TypeString, Description: "The address to signal, by PUT."},
			"curl_cli": {Type: stoker.TypeString, Description: "The beginning of a curl command that signals; add --data-binary '{\"status\": \"SUCCESS\"}'."},
		}),
	}
}

// Reference is the address, with the handle's ID behind it. No client sends that
// part, but a SwiftSignal finds the handle by it.
func (h swiftSignalHandle) Reference(req *stoker.Request) string {
	return h.d.HandleURL(req.Stack, req.Name) + "#" + string(req.ID)
}

func (h swiftSignalHandle) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	url := h.d.HandleURL(req.Stack, req.Name)
	switch name {
	case "endpoint":
		return orNull(url), 0, nil
	case "curl_cli":
		if url == "" {
			return nil, 0, nil
		}
		return fmt.Sprintf("curl -i -X PUT '%s'", url), 0, nil
	case "token", "show":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

// swiftSignal is OS::Heat::SwiftSignal: a wait condition on such a handle.
type swiftSignal struct{ waitCondition }

var _ stoker.Validator = swiftSignal{}

func swiftSignalSchema() *stoker.Schema {
	s := waitConditionSchema()
	s.Description = "Waits until an OS::Heat::SwiftSignalHandle has been signalled; what depends on it is made only then."
	s.Properties["handle"].Description = "The handle: get_resource of an OS::Heat::SwiftSignalHandle."
	s.Properties["count"].Update, s.Properties["count"].Constraints = false, schema.Between(1, 1000)
	return s
}

func (swiftSignal) Validate(req *stoker.Request) error {
	if v := request.Values(req.Properties); v.Has("handle") && !strings.Contains(v.String("handle"), "#") {
		return invalid("properties.handle", "the handle must be get_resource of an OS::Heat::SwiftSignalHandle")
	}
	return nil
}

func (s swiftSignal) Await(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	res, err := s.waitCondition.Await(ctx, req)
	if e, ok := stoker.AsError(err); ok && strings.HasPrefix(e.Type, "WaitCondition") {
		named := *e
		named.Type = "SwiftSignal" + strings.TrimPrefix(e.Type, "WaitCondition")
		return res, &named
	}
	return res, err
}
