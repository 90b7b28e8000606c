package stack

import (
	"context"
	"maps"

	"github.com/stoker-project/stoker"
)

// exportTree is a stack with those nested in it, each in the place of the resource that it
// realises. Their files are those of the root.
func (e *Engine) exportTree(ctx context.Context, id stoker.StackID) (map[string]any, error) {
	st, rs, err := e.store.Stack(ctx, id)
	if err != nil {
		return nil, err
	}
	out := export(st, rs)
	resources := out["resources"].(map[string]any)
	for _, r := range rs {
		if r.Child == "" {
			continue
		}
		inside, err := e.exportTree(ctx, r.Child)
		if stoker.IsKind(err, stoker.NotFound) {
			continue // never made
		}
		if err != nil {
			return nil, err
		}
		inside["type"], inside["resource_id"], inside["files"] = string(r.Type), string(r.PhysicalID), map[string]any{}
		resources[string(r.Name)] = inside
	}
	return out, nil
}

// export is a stack as Heat writes it down (prepare_abandon), but for the template,
// which stays the text it is. Parameters stand in the environment.
func export(st *stoker.Stack, rs []*stoker.Resource) map[string]any {
	spec := st.Asked()
	env := maps.Clone(spec.Environment)
	if env == nil {
		env = map[string]any{}
	}
	given, _ := env["parameters"].(map[string]any)
	env["parameters"] = mergedMap(given, spec.Parameters)
	files := make(map[string]any, len(spec.Files))
	for name, text := range spec.Files {
		files[name] = text
	}
	resources := make(map[string]any, len(rs))
	for _, r := range rs {
		resources[string(r.Name)] = exportResource(r)
	}
	tags := make([]any, len(st.Tags))
	for i, t := range st.Tags {
		tags[i] = t
	}
	out := map[string]any{
		"name": st.Name, "id": string(st.ID), "action": string(st.Action), "status": string(st.Status),
		"environment": env, "files": files, "template": spec.Template, templateName: spec.File, "resources": resources,
		"project_id": string(st.Project), "stack_user_project_id": string(st.Project), "tags": tags,
	}
	if spec.Restored != nil {
		out[restoredName] = spec.Restored
	}
	return out
}

// Keys of ours in an export.
const (
	templateName = "template_name"
	restoredName = "restored"
)

// exportResource: of several incarnations of a name the newest, which comes last,
// stays.
func exportResource(r *stoker.Resource) map[string]any {
	return map[string]any{
		"name": string(r.Name), "type": string(r.Type), "resource_id": string(r.PhysicalID),
		"action": string(r.Action), "status": string(r.Status),
		"metadata": mergedMap(r.Metadata, nil), "resource_data": mergedMap(r.Data, nil),
	}
}

// Exported is what was wanted of a stack that was exported.
func Exported(data map[string]any) stoker.StackSpec {
	spec := stoker.StackSpec{Files: map[string]string{}, Parameters: map[string]any{}}
	switch t := data["template"].(type) {
	case string:
		spec.Template = t
	case map[string]any:
		spec.Template = string(mustJSON(t))
	}
	spec.File, _ = data[templateName].(string)
	spec.Environment, _ = data["environment"].(map[string]any)
	spec.Restored, _ = data[restoredName].(map[string]any)
	files, _ := data["files"].(map[string]any)
	for name, text := range files {
		spec.Files[name], _ = text.(string)
	}
	return spec
}
