// Package softwareconfig is what Heat's software configurations and those who use
// them agree on: how one is kept, and how it is found by its ID. It starts no
// goroutine.
package softwareconfig

import (
	"context"
	"fmt"
	"regexp"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/value"
)

// Data looks at what resource types have recorded for themselves.
type Data interface {
	// AwaitData blocks until ok is true of a resource's Data; NotFound if there
	// is no such resource.
	AwaitData(ctx context.Context, id stoker.ResourceID, ok func(data map[string]any) bool) error
}

// Config is a software configuration.
type Config struct {
	Config  any // a text, or a map of a structured one
	Group   string
	Options map[string]any
	Inputs  []request.Values // with name, type, default
	Outputs []request.Values // with name, error_output
}

// Record is the Data of a configuration: its content, and the rest of its
// properties. It never changes.
func Record(req *stoker.Request, content any) map[string]any {
	v := request.Values(req.Properties)
	return map[string]any{"software_config": value.CloneMap(map[string]any{
		"project": string(req.Stack.Project), "config": content, "group": v["group"],
		"options": v["options"], "inputs": v["inputs"], "outputs": v["outputs"],
	})}
}

// Content is the configuration's text or map, from its own Data.
func Content(data map[string]any) any {
	return value.Clone(request.Values(data).Map("software_config")["config"])
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// Find gives the configuration of an ID; found is false when there is none in the
// requester's project. A text that is no ID is never one.
func Find(ctx context.Context, d Data, req *stoker.Request, id string) (c Config, found bool, err error) {
	if d == nil || !uuid.MatchString(id) {
		return Config{}, false, nil
	}
	var v request.Values
	err = d.AwaitData(ctx, stoker.ResourceID(id), func(data map[string]any) bool {
		v = request.Values(value.CloneMap(request.Values(data).Map("software_config")))
		return true
	})
	switch {
	case stoker.IsKind(err, stoker.NotFound):
		return Config{}, false, nil
	case err != nil:
		return Config{}, false, fmt.Errorf("read software configuration %s: %w", id, err)
	case v == nil || v.String("project") != string(req.Stack.Project):
		return Config{}, false, nil
	}
	return Config{Config: v["config"], Group: v.String("group"), Options: v.Map("options"),
		Inputs: v.Maps("inputs"), Outputs: v.Maps("outputs")}, true, nil
}

// Text gives the text of the configuration that a text is the ID of; otherwise the
// text itself, as Heat does with user data.
func Text(ctx context.Context, d Data, req *stoker.Request, text string) (string, error) {
	c, found, err := Find(ctx, d, req, text)
	if err != nil || !found {
		return text, err
	}
	content, ok := c.Config.(string)
	if !ok && c.Config != nil {
		return "", &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("software configuration %s is a map, and no text", text),
			Hint: "Use an OS::Heat::SoftwareConfig, CloudConfig or MultipartMime here."}
	}
	return content, nil
}
