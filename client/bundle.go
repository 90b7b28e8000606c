package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/dialect/cfn"
	"github.com/stoker-project/stoker/hot"
)

// Bundle reads a template and everything that it names: texts for get_file,
// templates used as types, and those that environments map types to. Only
// what is named is read. A server finds all of it in Request.Files.
//
// Texts stay as they are, so that messages tell their lines, but where one name
// means different files in two templates: there names become whole paths, and
// the text JSON.
func Bundle(template string, environments []string) (Request, error) {
	b := &bundler{files: map[string]string{}, origin: map[string]string{}}
	text, err := b.read(template, "")
	if err != nil {
		return Request{}, err
	}
	r := Request{TemplateName: template, Files: b.files}
	if r.Template, err = b.template(text, template); err != nil {
		return Request{}, err
	}
	env, err := b.environments(environments, []byte(text))
	if err != nil {
		return Request{}, err
	}
	if env != nil {
		r.Environment = env.Encode()
	}
	return r, nil
}

type bundler struct {
	files  map[string]string // by the name that templates give them
	origin map[string]string // the path that a name stands for
}

// template adds what a template names and gives its text, with other names where
// that was needed.
func (b *bundler) template(text, path string) (string, error) {
	t, err := cfn.Parse([]byte(text), path)
	if err != nil {
		return "", err
	}
	names := map[hot.RefKind]map[string]string{hot.RefFile: {}, hot.RefTemplate: {}}
	renamed := false
	for _, ref := range hot.References(t.Raw) {
		name, err := b.add(ref, path)
		if err != nil {
			return "", err
		}
		names[ref.Kind][ref.Key] = name
		renamed = renamed || name != ref.Key
	}
	if !renamed {
		return text, nil
	}
	doc, err := json.Marshal(hot.Rewrite(t.Raw, func(ref hot.Ref) string { return names[ref.Kind][ref.Key] }))
	return string(doc), err
}

// add reads a file that is named in another, unless it is there, and gives the
// name by which a server finds it.
func (b *bundler) add(ref hot.Ref, from string) (string, error) {
	place := fmt.Sprintf("%s: %s", from, pathOf(ref.Path))
	if strings.Contains(ref.Key, "://") {
		return "", &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("%s: %q is an address on the network", place, ref.Key),
			Hint: "Download the file and name it by its path."}
	}
	path := ref.Key
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(from), path)
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	name := ref.Key
	if origin, ok := b.origin[name]; ok && origin != full {
		name = "file://" + full
	}
	if _, ok := b.origin[name]; ok {
		return name, nil
	}
	text, err := b.read(path, place)
	if err != nil {
		return "", err
	}
	b.origin[name] = full // before what it names, so that a circle ends; the server refuses it
	if ref.Kind == hot.RefTemplate {
		if text, err = b.template(text, path); err != nil {
			return "", err
		}
	}
	b.files[name] = text
	return name, nil
}

// maxFile bounds one file, in bytes; a server takes a megabyte in all.
const maxFile = 1 << 20

func (b *bundler) read(path, place string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		err = errors.New("it is a directory")
	case err == nil && info.Size() > maxFile:
		err = fmt.Errorf("it has %d bytes, more than a server takes (%d)", info.Size(), maxFile)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path)
	}
	if err == nil {
		return string(text), nil
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	e := &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("read %s", path), Err: err}
	if place != "" {
		e.Message = fmt.Sprintf("%s: read %s", place, path)
		e.Hint = "Names of files are relative to the template that they stand in."
	}
	return "", e
}

// environments merges environments by their strategies; nil if there is none.
func (b *bundler) environments(paths []string, template []byte) (*hot.Environment, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	var envs []*hot.Environment
	for _, path := range paths {
		env, err := b.environment(path)
		if err != nil {
			return nil, err
		}
		envs = append(envs, env)
	}
	root, err := cfn.Parse(template, "")
	if err != nil {
		return nil, err
	}
	ts := append([]*hot.Template{root}, hot.TemplatesAmong(b.files, cfn.Parse)...)
	out := &hot.Environment{}
	for i, env := range envs {
		if out, err = out.Merge(env, ts...); err != nil {
			return nil, fmt.Errorf("merge environment %s: %w", paths[i], err)
		}
	}
	out.MergeStrategies = nil
	return out, nil
}

func (b *bundler) environment(path string) (*hot.Environment, error) {
	text, err := b.read(path, "")
	if err != nil {
		return nil, err
	}
	env, err := hot.ParseEnvironment([]byte(text), path)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, ref := range env.References() {
		if names[ref.Key], err = b.add(ref, path); err != nil {
			return nil, err
		}
	}
	return env.Rewrite(func(ref hot.Ref) string { return names[ref.Key] }), nil
}

// pathOf writes a place in a document as messages do: resources.web.type.
func pathOf(path []any) string {
	words := make([]string, len(path))
	for i, p := range path {
		words[i] = fmt.Sprint(p)
	}
	return strings.Join(words, ".")
}
