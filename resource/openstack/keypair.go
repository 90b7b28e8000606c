package openstack

import (
	"context"
	"fmt"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/heatschema"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/sshkey"
)

// keyPair is OS::Nova::KeyPair: a public key that servers let log in.
type keyPair struct {
	schema.Fixed
	keys *keyring
}

var (
	_ stoker.Attributer = keyPair{}
	_ stoker.Validator  = keyPair{}
	_ stoker.Resumer    = keyPair{}
)

func keyPairSchema(t heatschema.Table) *stoker.Schema {
	s := t.Describe("OS::Nova::KeyPair", "A key of SSH by its name, for the property key_name of servers.",
		heatschema.Texts{
			"name":                  "Its name, one in a project.",
			"public_key":            "The public key, a line of authorized_keys. Without it a pair is made: RSA, 2048 bits.",
			"save_private_key":      "Whether the private key of a pair that was made is kept, sealed, for the attribute. Otherwise nobody ever has it.",
			"type":                  "ssh; x509 is refused.",
			"user":                  "Whose it is. Kept, with no effect: a key is its project's.",
			"attribute:private_key": "The private key of a pair that was made, PEM, if it was saved; else empty.",
			"attribute:public_key":  "The public key.",
			"attribute:show":        "A map with name, public_key, fingerprint and type.",
		}, nil)
	s.Attributes["private_key"].Secret = true
	return s
}

// Validate reads a public key that is given.
func (keyPair) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	if v.String("type") == "x509" {
		return refused("type", "certificates are not put into servers here", "Use ssh.")
	}
	if text := v.String("public_key"); text != "" {
		if _, err := sshkey.Parse(text); err != nil {
			return in("public_key", err)
		}
	}
	return nil
}

// Create makes a pair anew when it is asked twice: nobody has seen the first one.
func (k keyPair) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	public, private, err := pair(v)
	if err != nil {
		return stoker.Result{}, err
	}
	data := map[string]any{"public_key": public.Line, "fingerprint": public.Fingerprint}
	if private != "" && v.Bool("save_private_key") {
		data["private_key"] = private
	}
	if err := k.keys.putAlone(keyOf(req, public.Line)); err != nil {
		return stoker.Result{}, in("name", err)
	}
	return stoker.Result{PhysicalID: stoker.PhysicalID(v.String("name")), Data: data}, nil
}

// pair reads the public key, or makes one with its private key.
func pair(v request.Values) (sshkey.Public, string, error) {
	text := v.String("public_key")
	if text == "" {
		return sshkey.Generate("Generated-by-Stoker")
	}
	public, err := sshkey.Parse(text)
	if err != nil {
		return public, "", in("public_key", err)
	}
	return public, "", nil
}

// keyOf is the key as others find it. Its ID among them is the resource's: while one
// takes the place of another, both have the name.
func keyOf(req *stoker.Request, line string) thing[string] {
	return thing[string]{id: string(req.ID), name: request.Values(req.Properties).String("name"), project: req.Stack.Project,
		owner: ownerOf(req), value: line}
}

func (k keyPair) Resume(_ context.Context, req *stoker.Request) error {
	k.keys.put(keyOf(req, request.Values(req.Data).String("public_key")))
	return nil
}

func (k keyPair) Delete(_ context.Context, req *stoker.Request) error {
	k.keys.remove(string(req.ID))
	return nil
}

func (keyPair) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	d := request.Values(req.Data)
	switch name {
	case "public_key", "private_key":
		return d.String(name), 0, nil
	case "show":
		user := request.Values(req.Properties).String("user")
		return map[string]any{
			"name": string(req.PhysicalID), "public_key": d.String("public_key"), "fingerprint": d.String("fingerprint"),
			"type": "ssh", "user_id": user,
		}, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

// keyring has the keys of projects, and those of the configuration, which all have.
type keyring struct {
	*shelf[string]
	configured map[string]string
}

func newKeyring(configured map[string]string) *keyring {
	return &keyring{shelf: newShelf[string]("key pair"), configured: configured}
}

// named gives the key of a server by its name; note says that it is not known, where
// that is no error: templates name keys of the cloud that they come from.
func (k *keyring) named(project stoker.ProjectID, name string) (keys map[string]string, note string, err error) {
	if name == "" {
		return nil, "", nil
	}
	found := k.where(func(t thing[string]) bool { return t.project == project && t.name == name })
	if len(found) > 0 {
		return map[string]string{name: found[len(found)-1].value}, "", nil
	}
	if line, ok := k.configured[name]; ok {
		return map[string]string{name: line}, "", nil
	}
	if len(k.configured) > 0 {
		return nil, "", refused("key_name", fmt.Sprintf("The Key (%s) could not be found.", name),
			"It is no OS::Nova::KeyPair of the project, nor in keys of the configuration.")
	}
	return nil, fmt.Sprintf("the key %q is not known here; nobody can log in with it", name), nil
}
