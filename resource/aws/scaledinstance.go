package aws

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
)

// scaledInstance is an instance in a group: it is made from a launch configuration,
// which it reads when it is made. Later changes are other instances.
type scaledInstance struct {
	instance
	data Data
}

func scaledSchema() *stoker.Schema {
	s := instanceSchema()
	s.Hidden = true
	s.Description = "An instance in a group, made from a launch configuration."
	for _, name := range []string{"ImageId", "InstanceType"} {
		s.Properties[name].Required = false
	}
	s.Properties["LaunchConfigurationName"] = text("The launch configuration that has the properties which are not given.")
	return s
}

// Create makes the instance as its launch configuration says.
func (s scaledInstance) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	props, err := launched(ctx, s.data, req, request.Values(req.Properties).String("LaunchConfigurationName"))
	if err != nil {
		return stoker.Result{}, err
	}
	return s.instance.Create(ctx, as(req, func(own request.Values) map[string]any {
		for name, v := range own {
			if v != nil {
				props[name] = v
			}
		}
		return props
	}))
}
