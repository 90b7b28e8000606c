package heat

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/softwareconfig"
)

// configType is OS::Heat::SoftwareConfig and its relatives: a text or a map for
// servers, found by its reference. It is never changed, only replaced.
type configType struct {
	schema.Fixed
	content func(ctx context.Context, req *stoker.Request) (any, error)
}

var _ stoker.Attributer = configType{}

func (c configType) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	content, err := c.content(ctx, req)
	if err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{PhysicalID: stoker.PhysicalID(req.ID), Data: softwareconfig.Record(req, content)}, nil
}

func (configType) Delete(context.Context, *stoker.Request) error { return nil }

func (configType) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	switch name {
	case "config":
		return softwareconfig.Content(req.Data), 0, nil
	case "show":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

// asGiven is the content of a configuration that says it itself.
func asGiven(_ context.Context, req *stoker.Request) (any, error) {
	return req.Properties["config"], nil
}

func softwareConfigSchema() *stoker.Schema {
	return configSchema("A script or other text for servers, as user data or through a deployment.",
		&stoker.Property{Type: stoker.TypeString, Description: "The text."})
}

func structuredConfigSchema() *stoker.Schema {
	return configSchema("A map for servers, with places for inputs, through a structured deployment.",
		&stoker.Property{Type: stoker.TypeMap, Description: "The map. {get_input: name} in it stands for an input of the deployment."})
}

func configSchema(description string, config *stoker.Property) *stoker.Schema {
	s := contentSchema(description)
	s.Properties = map[string]*stoker.Property{
		"config":  config,
		"group":   groupProperty(),
		"options": {Type: stoker.TypeMap, Description: "Options for the tool that applies it."},
		"inputs": {Type: stoker.TypeList, Description: "What it needs to be given.",
			Items: &stoker.Property{Type: stoker.TypeMap, Description: "An input.", Fields: inputFields()}},
		"outputs": {Type: stoker.TypeList, Description: "What signals of its deployments bring back.",
			Items: &stoker.Property{Type: stoker.TypeMap, Description: "An output.", Fields: outputFields()}},
	}
	return s
}

// contentSchema has what all relatives share.
func contentSchema(description string) *stoker.Schema {
	return &stoker.Schema{Description: description, Attributes: schema.Attributes(map[string]*stoker.Attribute{
		"config": {Type: stoker.TypeString, Description: "The content."},
	})}
}

func groupProperty() *stoker.Property {
	return &stoker.Property{Type: stoker.TypeString, Default: "Heat::Ungrouped", Description: "The tool that is to apply it, by name."}
}

func valueTypeProperty() *stoker.Property {
	return &stoker.Property{Type: stoker.TypeString, Default: "String", Description: "The type of its value.",
		Constraints: schema.OneOf("String", "Number", "CommaDelimitedList", "Json", "Boolean")}
}

func inputFields() map[string]*stoker.Property {
	return map[string]*stoker.Property{
		"name":              {Type: stoker.TypeString, Required: true, Description: "Its name."},
		"description":       {Type: stoker.TypeString, Description: "What it is for."},
		"type":              valueTypeProperty(),
		"default":           {Type: stoker.TypeAny, Description: "Its value where none is given."},
		"replace_on_change": {Type: stoker.TypeBoolean, Default: false, Description: "Whether a new value makes a new deployment."},
	}
}

func outputFields() map[string]*stoker.Property {
	return map[string]*stoker.Property{
		"name":         {Type: stoker.TypeString, Required: true, Description: "Its name."},
		"description":  {Type: stoker.TypeString, Description: "What it tells."},
		"type":         valueTypeProperty(),
		"error_output": {Type: stoker.TypeBoolean, Default: false, Description: "Whether its presence means failure."},
	}
}

func cloudConfigSchema() *stoker.Schema {
	s := contentSchema("A configuration for cloud-init, for user data of servers.")
	s.Properties = map[string]*stoker.Property{
		"cloud_config": {Type: stoker.TypeMap, Description: "What is written after the line #cloud-config."},
	}
	return s
}

// cloudConfig writes JSON, which is YAML that every version of YAML reads alike.
func cloudConfig(_ context.Context, req *stoker.Request) (any, error) {
	m := request.Values(req.Properties).Map("cloud_config")
	if m == nil {
		m = request.Values{}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode cloud_config: %w", err)
	}
	return "#cloud-config\n" + string(text) + "\n", nil
}
