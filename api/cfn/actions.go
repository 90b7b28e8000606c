package cfn

import (
	"context"
)

// action is one that clients can name.
type action struct {
	do       func(s *Server, ctx context.Context, c *call) (any, error)
	harmless bool // changes nothing
}

// actions are all there are.
var actions = map[string]action{
	"ListStacks":        {(*Server).listStacks, true},
	"DescribeStacks":    {(*Server).describeStacks, true},
	"CreateStack":       {(*Server).createStack, false},
	"UpdateStack":       {(*Server).updateStack, false},
	"DeleteStack":       {(*Server).deleteStack, false},
	"CancelUpdateStack": {(*Server).cancelUpdate, false},

	"GetTemplate":          {(*Server).getTemplate, true},
	"ValidateTemplate":     {(*Server).validateTemplate, true},
	"EstimateTemplateCost": {(*Server).estimateCost, true},

	"DescribeStackEvents":    {(*Server).describeEvents, true},
	"DescribeStackResource":  {(*Server).describeResource, true},
	"DescribeStackResources": {(*Server).describeResources, true},
	"ListStackResources":     {(*Server).listResources, true},
}
