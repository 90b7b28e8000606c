package cfn

import (
	"strings"

	"github.com/stoker-project/stoker"
)

// arn names a stack, or a resource of one:
// arn:openstack:heat::PROJECT:stacks/NAME/ID[/resources/RESOURCE].
type arn struct {
	project  stoker.ProjectID
	name     string
	id       stoker.StackID
	resource stoker.ResourceName
}

func (a arn) String() string {
	s := "arn:openstack:heat::" + string(a.project) + ":stacks/" + a.name + "/" + string(a.id)
	if a.resource != "" {
		s += "/resources/" + string(a.resource)
	}
	return s
}

func parseARN(text string) (arn, error) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] != "openstack" || parts[2] != "heat" || parts[3] != "" {
		return arn{}, invalid("%q is not the ARN of a stack", text)
	}
	words := strings.Split(parts[5], "/")
	a := arn{project: stoker.ProjectID(parts[4])}
	switch {
	case len(words) == 3 && words[0] == "stacks":
	case len(words) == 5 && words[0] == "stacks" && words[3] == "resources":
		a.resource = stoker.ResourceName(words[4])
	default:
		return arn{}, invalid("%q is not the ARN of a stack", text)
	}
	a.name, a.id = words[1], stoker.StackID(words[2])
	return a, nil
}

func arnOf(st *stoker.Stack) string {
	return arn{project: st.Project, name: st.Name, id: st.ID}.String()
}
