package openapi

import (
	"encoding/json"
	"strings"
)

// Under is the document of what lies below one value of a name in paths: the operations with "/"+before+"/{name}" in
// their path, that part written out and the parameter left away. It asks nothing of anybody: whether there is such a
// thing makes no difference.
func (d *Document) Under(before, name, value string) *Document {
	hole := "/" + before + "/{" + name + "}"
	filled := "/" + before + "/" + value
	part := *d
	part.Info.Title += ": " + value
	part.Paths = map[string]PathItem{}
	used := map[string]bool{}
	for path, item := range d.Paths {
		if !strings.Contains(path+"/", hole+"/") {
			continue
		}
		below := PathItem{}
		for method, o := range item {
			one := *o
			one.Parameters = nil
			for _, p := range o.Parameters {
				if p.In != "path" || p.Name != name {
					one.Parameters = append(one.Parameters, p)
				}
			}
			used[o.Tags[0]] = true
			below[method] = &one
		}
		part.Paths[strings.Replace(path, hole, filled, 1)] = below
	}
	part.Tags = nil
	for _, t := range d.Tags {
		if used[t.Name] {
			part.Tags = append(part.Tags, t)
		}
	}
	part.Components.Schemas, part.Components.Responses = part.named()
	return &part
}

// named are the components that the paths lead to, directly or through others.
func (d *Document) named() (map[string]*Schema, map[string]Response) {
	schemas, responses := map[string]*Schema{}, map[string]Response{}
	var follow func(v any)
	follow = func(v any) {
		for _, ref := range refs(v) {
			if name, ok := strings.CutPrefix(ref, "#/components/schemas/"); ok && schemas[name] == nil {
				schemas[name] = d.Components.Schemas[name]
				follow(schemas[name])
			}
			if name, ok := strings.CutPrefix(ref, "#/components/responses/"); ok {
				if _, seen := responses[name]; !seen {
					responses[name] = d.Components.Responses[name]
					follow(responses[name])
				}
			}
		}
	}
	follow(d.Paths)
	return schemas, responses
}

// refs are the references in what v is as JSON.
func refs(v any) (out []string) {
	raw, err := json.Marshal(v)
	if err != nil { // it was made to be written
		panic(err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		panic(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				out = append(out, ref)
			}
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(tree)
	return out
}
