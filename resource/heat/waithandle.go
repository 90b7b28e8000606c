package heat

import (
	"context"
	"fmt"
	"slices"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// waitHandle is OS::Heat::WaitConditionHandle: it takes the signals that a wait
// condition waits for. Its reference is its ResourceID.
type waitHandle struct {
	schema.Fixed
	d Deps
}

var (
	_ stoker.Signaller  = waitHandle{}
	_ stoker.Attributer = waitHandle{}
	_ stoker.Validator  = waitHandle{}
)

// Ways to signal that we offer; Heat has more, which need Swift, Zaqar or
// Keystone users.
const (
	tokenSignal = "TOKEN_SIGNAL"
	cfnSignal   = "CFN_SIGNAL"
	noSignal    = "NO_SIGNAL"
	putSignal   = "TEMP_URL_SIGNAL"
)

func waitHandleSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "Takes signals, usually from inside a server that has finished starting, for a wait condition.",
		Properties: map[string]*stoker.Property{
			"signal_transport": {Type: stoker.TypeString, Default: tokenSignal,
				Constraints: schema.OneOf(cfnSignal, "TEMP_URL_SIGNAL", "HEAT_SIGNAL", noSignal, "ZAQAR_SIGNAL", tokenSignal),
				Description: "How it is signalled: TOKEN_SIGNAL by a POST with a token, CFN_SIGNAL by a signed address, NO_SIGNAL counts as signalled at once. The others of Heat are refused."},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"token":    {Type: stoker.TypeString, Description: "The token to signal with; null unless the transport is TOKEN_SIGNAL."},
			"endpoint": {Type: stoker.TypeString, Description: "The address to signal; null unless the transport is TOKEN_SIGNAL."},
			"curl_cli": {Type: stoker.TypeString, Description: "The beginning of a curl command that signals; add --data-binary '{\"status\": \"SUCCESS\"}'. Null unless the transport is TOKEN_SIGNAL."},
			"signal":   {Type: stoker.TypeString, Description: "What one needs to signal, as a JSON object."},
		}),
	}
}

func (waitHandle) Validate(req *stoker.Request) error {
	t := request.Values(req.Properties).String("signal_transport")
	if t == "" || slices.Contains([]string{tokenSignal, cfnSignal, noSignal}, t) {
		return nil
	}
	return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Path: "properties.signal_transport",
		Message: fmt.Sprintf("%s is not offered here", t), Hint: "Use TOKEN_SIGNAL or CFN_SIGNAL."}
}

func (waitHandle) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	return stoker.Result{
		PhysicalID: stoker.PhysicalID(req.ID),
		Data: map[string]any{
			"signals":   writeSignals(readSignals(req.Data)),
			"transport": request.Values(req.Properties).String("signal_transport"),
		},
	}, nil
}

func (waitHandle) Delete(context.Context, *stoker.Request) error { return nil }

func (waitHandle) Signal(_ context.Context, req *stoker.Request, body map[string]any) (stoker.Result, string, error) {
	signals := readSignals(req.Data)
	s, err := parseSignal(body, len(signals))
	if err != nil {
		return stoker.Result{}, "", err
	}
	data := map[string]any{
		"signals":   writeSignals(record(signals, s)),
		"transport": req.Data["transport"],
	}
	return stoker.Result{Data: data}, fmt.Sprintf("status:%s reason:%s", s.status, s.reason), nil
}

func (h waitHandle) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	v, err := h.attribute(req, name)
	return v, 0, err
}

func (h waitHandle) attribute(req *stoker.Request, name string) (any, error) {
	how := request.Values(req.Properties).String("signal_transport")
	var token, endpoint string
	if how == tokenSignal {
		token, endpoint = h.d.Token(req.Stack, req.Name), h.d.SignalURL(req.Stack, req.Name)
	}
	switch name {
	case "token":
		return orNull(token), nil
	case "endpoint":
		return orNull(endpoint), nil
	case "curl_cli":
		if token == "" || endpoint == "" {
			return nil, nil
		}
		return fmt.Sprintf("curl -i -X POST -H 'X-Auth-Token: %s' -H 'Content-Type: application/json' -H 'Accept: application/json' %s", token, endpoint), nil
	case "signal":
		switch how {
		case tokenSignal:
			return compact(map[string]any{"token": token, "endpoint": endpoint})
		case cfnSignal:
			return compact(map[string]any{"alarm_url": h.d.AlarmURL(req.Stack, req.Name)})
		}
		return "{}", nil
	case "show":
		return nil, nil
	}
	return nil, request.UnknownAttribute(req.Name, name)
}
