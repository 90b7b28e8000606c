package heat

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// membersVersion is the template version that Heat writes members in.
const membersVersion = "2015-04-30"

// engineMakes completes the contract of group types, whose resources the engine
// makes itself.
type engineMakes struct{}

func (engineMakes) Create(context.Context, *stoker.Request) (stoker.Result, error) {
	return stoker.Result{}, stoker.Errorf(stoker.Internal, "a group is made by the engine, not by its type")
}

func (engineMakes) Delete(context.Context, *stoker.Request) error {
	return stoker.Errorf(stoker.Internal, "a group is deleted by the engine, not by its type")
}

// rolling reads a section that bounds how many members change at once; nil
// where there is none.
func rolling(v request.Values) *stoker.RollingUpdate {
	if v == nil {
		return nil
	}
	return &stoker.RollingUpdate{
		MinInService: v.Int("min_in_service"),
		MaxBatch:     v.IntOr("max_batch_size", 1),
		Pause:        v.SecondsOf("pause_time"),
	}
}

// rollingFields is the schema of such a section.
func rollingFields() map[string]*stoker.Property {
	return map[string]*stoker.Property{
		"min_in_service": {Type: stoker.TypeInteger, Default: int64(0), Constraints: schema.AtLeast(0),
			Description: "How many members at least stay in service while others are replaced."},
		"max_batch_size": {Type: stoker.TypeInteger, Default: int64(1), Constraints: schema.AtLeast(1),
			Description: "How many members at most are changed at once."},
		"pause_time": {Type: stoker.TypeNumber, Default: int64(0), Constraints: schema.AtLeast(0),
			Description: "Seconds to wait between one batch and the next."},
	}
}

// members looks at a group's members for its attributes.
type members struct {
	req  *stoker.Request
	view stoker.GroupView
	list []stoker.GroupMember
}

func allMembers(req *stoker.Request, view stoker.GroupView) members {
	return members{req: req, view: view, list: view.Group().Members}
}

// usable leaves out failed members, as autoscaling groups do in Heat.
func (m members) usable() members {
	m.list = slices.DeleteFunc(slices.Clone(m.list), func(g stoker.GroupMember) bool {
		return g.Status == stoker.StatusFailed
	})
	return m
}

func (m members) refs() []any {
	out := make([]any, len(m.list))
	for i, g := range m.list {
		out[i] = g.Reference
	}
	return out
}

func (m members) refsMap() map[string]any {
	out := make(map[string]any, len(m.list))
	for _, g := range m.list {
		out[string(g.Name)] = g.Reference
	}
	return out
}

// each gives an attribute of all members in member order.
func (m members) each(path []any) ([]any, error) {
	out := make([]any, len(m.list))
	for i, g := range m.list {
		v, err := m.view.MemberAttribute(g.Name, path)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// eachNamed gives an attribute of all members by their names.
func (m members) eachNamed(path []any) (map[string]any, error) {
	values, err := m.each(path)
	if err != nil {
		return nil, err
	}
	out := make(map[string]any, len(values))
	for i, g := range m.list {
		out[string(g.Name)] = values[i]
	}
	return out, nil
}

// single resolves resource.<which>, resource.<which>.<attribute> and
// [resource.<which>, <attribute>, ...]; find tells which member that is.
func (m members) single(key string, path []any, find func(which string) int) (any, error) {
	which, attr, deeper := strings.Cut(strings.TrimPrefix(key, "resource."), ".")
	i := find(which)
	if i < 0 {
		return nil, &stoker.Error{Kind: stoker.NotFound, Type: "NotFound",
			Message: fmt.Sprintf("Member '%s' not found in group resource '%s'.", which, m.req.Name)}
	}
	if deeper {
		path = append([]any{attr}, path...)
	}
	if len(path) == 0 {
		return m.list[i].Reference, nil
	}
	return m.view.MemberAttribute(m.list[i].Name, path)
}

func (m members) byName(name string) int {
	return slices.IndexFunc(m.list, func(g stoker.GroupMember) bool { return string(g.Name) == name })
}

func (m members) byPosition(number string) int {
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= len(m.list) {
		return -1
	}
	return n
}
