package heat

import (
	"cmp"
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// Polling is what the agent of a server needs to ask for what it is to apply.
type Polling struct {
	// URL gives it to whoever knows the address.
	URL string
	// Endpoint is CloudFormation's API, where Access and Secret sign for this one
	// resource of the Stack, which is an ARN.
	Endpoint, Access, Secret, Stack string
}

// deployedServer is OS::Heat::DeployedServer: a server that was there before, for
// deployments to name. Its agent polls for them; nothing here reaches it.
type deployedServer struct {
	schema.Fixed
	polling func(stoker.StackRef, stoker.ResourceName) Polling
}

var (
	_ stoker.Updater    = deployedServer{}
	_ stoker.Validator  = deployedServer{}
	_ stoker.Attributer = deployedServer{}
)

// The ways to poll that are offered.
const (
	pollCFN = "POLL_SERVER_CFN"
	pollURL = "POLL_TEMP_URL"
)

func deployedServerSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "A server that something else has made, for software deployments to name. Its agent asks for them.",
		Properties: map[string]*stoker.Property{
			"name":     {Type: stoker.TypeString, Update: true, Description: "The server's name; by default one is made up."},
			"metadata": {Type: stoker.TypeMap, Update: true, Description: "Ignored, as in Heat."},
			"software_config_transport": {Type: stoker.TypeString, Default: pollCFN, Update: true,
				Constraints: schema.OneOf(pollCFN, "POLL_SERVER_HEAT", pollURL, "ZAQAR_MESSAGE"),
				Description: "How the agent asks: POLL_SERVER_CFN by CloudFormation's API with a key for this resource alone, POLL_TEMP_URL by a GET of an address that whoever knows may read. The others of Heat are refused."},
			"deployment_swift_data": {Type: stoker.TypeMap, Default: map[string]any{}, Update: true, Description: "Ignored: the address of POLL_TEMP_URL is Stoker's own.",
				Fields: map[string]*stoker.Property{
					"container": {Type: stoker.TypeString, Constraints: schema.LongAtLeast(1), Description: "Ignored."},
					"object":    {Type: stoker.TypeString, Constraints: schema.LongAtLeast(1), Description: "Ignored."},
				}},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"name":              {Type: stoker.TypeString, Description: "The server's name."},
			"os_collect_config": {Type: stoker.TypeMap, Description: "The configuration of the agent os-collect-config. It holds what the agent needs to be let in."},
		}),
	}
}

func (deployedServer) Validate(req *stoker.Request) error {
	switch how := request.Values(req.Properties).String("software_config_transport"); how {
	case "", pollCFN, pollURL:
		return nil
	default:
		return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Path: "properties.software_config_transport",
			Message: how + " is not offered here", Hint: "Use POLL_SERVER_CFN or POLL_TEMP_URL."}
	}
}

func (deployedServer) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	return stoker.Result{PhysicalID: stoker.PhysicalID(req.ID)}, nil
}

// Update has nothing to do: what follows from the properties is read from them.
func (deployedServer) Update(context.Context, *stoker.Request) (stoker.Result, error) {
	return stoker.Result{}, nil
}

// Delete lets the server be: its agent finds nothing any more.
func (deployedServer) Delete(context.Context, *stoker.Request) error { return nil }

func (s deployedServer) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	switch name {
	case "name":
		return cmp.Or(request.Values(req.Properties).String("name"), request.Name(req)), 0, nil
	case "os_collect_config":
		return s.collecting(req), 0, nil
	case "show":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

// collecting is the configuration of the agent, in its own form.
func (s deployedServer) collecting(req *stoker.Request) any {
	p := s.polling(req.Stack, req.Name)
	if request.Values(req.Properties).String("software_config_transport") == pollURL {
		return map[string]any{"collectors": []any{"request", "local"}, "request": map[string]any{"metadata_url": orNull(p.URL)}}
	}
	return map[string]any{"collectors": []any{"cfn", "local"}, "cfn": map[string]any{
		"metadata_url": orNull(p.Endpoint), "access_key_id": orNull(p.Access), "secret_access_key": orNull(p.Secret),
		"stack_name": orNull(p.Stack), "path": string(req.Name) + ".Metadata",
	}}
}
