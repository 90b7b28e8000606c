package heat

import (
	"maps"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/schema"
)

func softwareDeploymentSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "A configuration for one server; complete when a signal has told how applying it went.",
		Properties: map[string]*stoker.Property{
			"config": {Type: stoker.TypeString, Update: true,
				Description: "The configuration: get_resource of an OS::Heat::SoftwareConfig or one of its relatives."},
			"server": {Type: stoker.TypeString, Required: true, Description: "The server: get_resource of it."},
			"input_values": {Type: stoker.TypeMap, Update: true,
				Description: "Values of the configuration's inputs, by name."},
			"actions": {Type: stoker.TypeList, Default: []any{"CREATE", "UPDATE"}, Update: true,
				Constraints: schema.OneOf("CREATE", "UPDATE", "DELETE", "SUSPEND", "RESUME"),
				Description: "At which actions it is applied. DELETE is refused, SUSPEND and RESUME are ignored."},
			"name": {Type: stoker.TypeString, Update: true, Description: "The name of the derived configuration; by default the resource's."},
			"signal_transport": {Type: stoker.TypeString, Default: cfnSignal,
				Constraints: schema.OneOf(cfnSignal, putSignal, "HEAT_SIGNAL", noSignal, "ZAQAR_SIGNAL"),
				Description: "How the server signals: CFN_SIGNAL by a POST to a signed address, TEMP_URL_SIGNAL by a PUT to one, NO_SIGNAL is complete at once. The others of Heat are refused."},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"deploy_stdout":      {Type: stoker.TypeString, Description: "What the configuration wrote to its standard output."},
			"deploy_stderr":      {Type: stoker.TypeString, Description: "What it wrote to its standard error."},
			"deploy_status_code": {Type: stoker.TypeString, Description: "How it ended; 0 is success."},
		}),
		AnyAttribute: true, // the outputs of the configuration
	}
}

func structuredDeploymentSchema() *stoker.Schema {
	s := softwareDeploymentSchema()
	s.Description = "A structured configuration for one server; complete when a signal has told how applying it went."
	maps.Copy(s.Properties, map[string]*stoker.Property{
		"input_key": {Type: stoker.TypeString, Default: "get_input",
			Description: "The key that stands for an input in the configuration's map."},
		"input_values_validate": {Type: stoker.TypeString, Default: "LAX", Constraints: schema.OneOf("LAX", "STRICT"),
			Description: "STRICT wants a value for every input that has no default."},
	})
	return s
}
