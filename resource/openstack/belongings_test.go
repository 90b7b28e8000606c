package openstack_test

import (
	"reflect"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/resource/openstack"
)

// estate is all types on one driver, as one run of Stoker has them.
type estate struct {
	*testing.T
	driver *drivertest.Fake
	types  map[stoker.TypeName]stoker.ResourceType
}

func newEstate(t *testing.T, keys map[string]string) *estate {
	f := &drivertest.Fake{}
	return &estate{T: t, driver: f, types: openstack.Types(openstack.Deps{Driver: f, Keys: keys})}
}

// restart is another run of Stoker: it knows what the given resources bring back.
func (c *estate) restart(all ...*stoker.Request) {
	c.Helper()
	c.types = openstack.Types(openstack.Deps{Driver: c.driver})
	for _, req := range all {
		if err := c.types[req.Type].(stoker.Resumer).Resume(c.Context(), req); err != nil {
			c.Fatal(err)
		}
	}
}

// request is for a resource of a type whose incarnation has the ID.
func (c *estate) request(kind stoker.TypeName, id stoker.ResourceID, props map[string]any) *stoker.Request {
	c.Helper()
	checked, err := hot.CheckProperties(c.types[kind].Schema().Properties, props, nil, "properties")
	if err != nil {
		c.Fatal(err)
	}
	name, _, _ := strings.Cut(string(id), "-")
	return &stoker.Request{Stack: stoker.StackRef{ID: "s", Name: "shop", Project: "p1", Path: []stoker.StackID{"s"}},
		Name: stoker.ResourceName(name), Type: kind, ID: id, Properties: checked}
}

// make creates a resource and, where that belongs to it, waits for it.
func (c *estate) make(kind stoker.TypeName, id stoker.ResourceID, props map[string]any) *stoker.Request {
	c.Helper()
	req := c.request(kind, id, props)
	create(c.T, c.types[kind], req)
	if a, ok := c.types[kind].(stoker.Awaiter); ok {
		res, err := a.Await(c.Context(), req)
		if err != nil {
			c.Fatal(err)
		}
		keep(req, res)
	}
	return req
}

func (c *estate) fails(req *stoker.Request, want stoker.Kind, words string) {
	c.Helper()
	if _, err := c.types[req.Type].Create(c.Context(), req); !stoker.IsKind(err, want) || !strings.Contains(err.Error(), words) {
		c.Errorf("create %s: got %v, want %v with %q", req.ID, err, want, words)
	}
}

func (c *estate) update(req *stoker.Request, change map[string]any) error {
	c.Helper()
	old := req.Properties
	req.OldProperties = old
	req.Properties = map[string]any{}
	for k, v := range old {
		req.Properties[k] = v
	}
	for k, v := range change {
		req.Properties[k] = v
	}
	res, err := c.types[req.Type].(stoker.Updater).Update(c.Context(), req)
	if err == nil {
		keep(req, res)
	}
	return err
}

func (c *estate) delete(req *stoker.Request) {
	c.Helper()
	if err := c.types[req.Type].Delete(c.Context(), req); err != nil {
		c.Errorf("delete %s: %v", req.ID, err)
	}
}

func (c *estate) attribute(req *stoker.Request, name string) any {
	c.Helper()
	return attribute(c.T, c.types[req.Type], req, name)
}

func (c *estate) server(id stoker.ResourceID, more map[string]any) *stoker.Request {
	c.Helper()
	props := map[string]any{"image": "hello"}
	for k, v := range more {
		props[k] = v
	}
	return c.make("OS::Nova::Server", id, props)
}

func (c *estate) notes(req *stoker.Request) string {
	c.Helper()
	list, _ := c.attribute(req, "show").(map[string]any)["notes"].([]any)
	var all []string
	for _, n := range list {
		all = append(all, n.(string))
	}
	return strings.Join(all, "; ")
}

// has wants a volume in a server.
func (c *estate) has(when string, volume stoker.VolumeToken, server stoker.ServerToken, path string) {
	c.Helper()
	if got := c.driver.Volumes()[volume]; got.Server != server || got.Path != path {
		c.Errorf("%s: volume %s is in %q at %q, want %q at %q", when, volume, got.Server, got.Path, server, path)
	}
}

func TestVolume(t *testing.T) {
	c := newEstate(t, nil)
	v := c.make("OS::Cinder::Volume", "data-1", map[string]any{"size": int64(3), "name": "data", "metadata": map[string]any{"a": "b"}})
	create(t, c.types[v.Type], v) // asking twice is harmless
	if got := c.driver.Volumes()["data-1"].Spec; got.Size != 3<<30 || got.Name != "data" || got.Project != "p1" {
		t.Errorf("got %+v, want 3 GB called data", got)
	}
	for name, want := range map[string]any{
		"size": "3", "status": "available", "display_name": "data", "display_description": nil, "metadata": "{'a': 'b'}",
		"metadata_values": map[string]any{"a": "b"}, "attachments_list": []any{}, "attachments": "[]", "bootable": "false",
		"encrypted": "False", "multiattach": false, "snapshot_id": "None", "source_volid": "None", "volume_type": "None", "availability_zone": "nova",
	} {
		if got := c.attribute(v, name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, want %#v", name, got, want)
		}
	}
	if err := c.update(v, map[string]any{"size": int64(5), "description": "more"}); err != nil || c.attribute(v, "size") != "5" || c.attribute(v, "display_description") != "more" {
		t.Errorf("a larger one: got %v and %v", c.attribute(v, "size"), err)
	}
	if err := c.update(v, map[string]any{"size": int64(4)}); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("a smaller one: got %v, want Invalid", err)
	}
	c.delete(v)
	c.delete(v)
	if left := c.driver.Volumes(); len(left) > 0 {
		t.Errorf("got %v, want nothing", left)
	}
	c.fails(c.request("OS::Cinder::Volume", "none-1", nil), stoker.Invalid, "no size")
	for _, name := range []string{"image", "snapshot_id", "imageRef"} {
		req := c.request("OS::Cinder::Volume", "x-1", map[string]any{"size": int64(1), name: "x"})
		if e, ok := stoker.AsError(c.types[req.Type].(stoker.Validator).Validate(req)); !ok || e.Path != "properties."+name || e.Hint == "" {
			t.Errorf("%s: got %v, want it refused", name, e)
		}
	}
}

// TestVolumeAttachment moves a volume from a server to the one that replaces it.
func TestVolumeAttachment(t *testing.T) {
	c := newEstate(t, nil)
	v := c.make("OS::Cinder::Volume", "data-1", map[string]any{"size": int64(1), "name": "data"})
	first := c.server("web-1", nil)
	place := c.make("OS::Cinder::VolumeAttachment", "place-1", map[string]any{"instance_uuid": string(first.PhysicalID), "volume_id": "data"})
	c.has("attached", "data-1", "web-1", "/volumes/vdb")
	shown := map[string]any{"id": "place-1", "serverId": string(first.PhysicalID), "volumeId": "data-1", "device": "/dev/vdb", "path": "/volumes/vdb"}
	if got := c.attribute(place, "show"); !reflect.DeepEqual(got, shown) {
		t.Errorf("show: got %v, want %v", got, shown)
	}
	if got := c.attribute(v, "status"); got != "in-use" {
		t.Errorf("status: got %v, want in-use", got)
	}
	if err := c.types[v.Type].Delete(t.Context(), v); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("delete while attached: got %v, want Conflict", err)
	}
	other := c.request("OS::Cinder::VolumeAttachment", "second-1", map[string]any{"instance_uuid": string(first.PhysicalID), "volume_id": "data-1"})
	c.fails(other, stoker.Conflict, "place")
	c.delete(other)
	c.has("after another's try", "data-1", "web-1", "/volumes/vdb")

	second := c.server("web-2", nil)
	if err := c.update(place, map[string]any{"instance_uuid": string(second.PhysicalID), "mountpoint": "/dev/vdx"}); err != nil {
		t.Fatal(err)
	}
	c.has("moved", "data-1", "web-2", "/volumes/vdx")
	c.delete(first)
	c.restart(v, place, second)
	if got := c.attribute(v, "attachments_list").([]any); len(got) != 1 || got[0].(map[string]any)["server_id"] != string(second.PhysicalID) {
		t.Errorf("attachments after a restart: got %v", got)
	}
	c.delete(place)
	c.delete(place)
	c.has("detached", "data-1", "", "")
	c.delete(v)
}

// TestVolumeAttachmentRefuses names what is not there, or somebody else's.
func TestVolumeAttachmentRefuses(t *testing.T) {
	c := newEstate(t, nil)
	c.make("OS::Cinder::Volume", "data-1", map[string]any{"size": int64(1)})
	c.make("OS::Cinder::Volume", "twin-1", map[string]any{"size": int64(1), "name": "twin"})
	c.make("OS::Cinder::Volume", "twin-2", map[string]any{"size": int64(1), "name": "twin"})
	mine := c.server("web-1", nil)
	place := func(volume, server string) *stoker.Request {
		return c.request("OS::Cinder::VolumeAttachment", "place-1", map[string]any{"instance_uuid": server, "volume_id": volume})
	}
	c.fails(place("none", string(mine.PhysicalID)), stoker.Invalid, "could not be found")
	c.fails(place("data-1", "none"), stoker.Invalid, "no server")
	c.fails(place("twin", string(mine.PhysicalID)), stoker.Conflict, "give the ID")
	foreign := place("data-1", string(mine.PhysicalID))
	foreign.Stack.Project = "p2"
	c.fails(foreign, stoker.Invalid, "could not be found")
	c.delete(place("none", "none"))

	plain := openstack.Types(openstack.Deps{Driver: plain{c.driver}})
	for _, kind := range []stoker.TypeName{"OS::Cinder::Volume", "OS::Cinder::VolumeAttachment"} {
		if err := plain[kind].(stoker.Refuser).Refuse(kind); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%s with a driver without volumes: got %v, want it refused", kind, err)
		}
	}
}

// TestVolumeAttachmentUnknown crashes between attaching and its record.
func TestVolumeAttachmentUnknown(t *testing.T) {
	c := newEstate(t, nil)
	v := c.make("OS::Cinder::Volume", "data-1", map[string]any{"size": int64(1)})
	s := c.server("web-1", nil)
	req := c.request("OS::Cinder::VolumeAttachment", "place-1", map[string]any{"instance_uuid": string(s.PhysicalID), "volume_id": "data-1"})
	if _, err := c.types[req.Type].Create(t.Context(), req); err != nil { // what it gives is lost
		t.Fatal(err)
	}
	c.restart(v, s)
	c.delete(req)
	c.has("deleted without a record", "data-1", "", "")
}

func TestMappedVolumes(t *testing.T) {
	c := newEstate(t, nil)
	data := c.make("OS::Cinder::Volume", "data-1", map[string]any{"size": int64(1)})
	scratch := c.make("OS::Cinder::Volume", "scratch-1", map[string]any{"size": int64(1)})
	mapped := map[string]any{
		"block_device_mapping":    []any{map[string]any{"device_name": "vdc", "volume_id": "data-1"}},
		"block_device_mapping_v2": []any{map[string]any{"volume_id": "scratch-1", "boot_index": int64(-1), "delete_on_termination": true}},
	}
	first := c.server("web-1", mapped)
	c.has("created", "data-1", "web-1", "/volumes/vdc")
	c.has("created", "scratch-1", "web-1", "/volumes/vdb")
	c.restart(data, scratch, first)
	second := c.server("web-2", mapped) // takes the place of the first
	c.has("replaced", "data-1", "web-2", "/volumes/vdc")
	c.delete(first)
	c.has("the first is gone", "scratch-1", "web-2", "/volumes/vdb")
	c.delete(second)
	c.has("both are gone", "data-1", "", "")
	if _, ok := c.driver.Volumes()["scratch-1"]; ok {
		t.Error("the volume that was to go with the server is there")
	}
	c.fails(c.request("OS::Nova::Server", "web-3", map[string]any{"image": "hello", "block_device_mapping": []any{map[string]any{"device_name": "vdb", "volume_id": "x"}}}),
		stoker.Invalid, "could not be found")
}

const aliceKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1oWqVJ2Y2zG8e0yo6lSgS1mKXh3hWbVgE0rXuZ3r0Z alice"

func TestKeyPair(t *testing.T) {
	c := newEstate(t, nil)
	given := c.make("OS::Nova::KeyPair", "given-1", map[string]any{"name": "alice", "public_key": aliceKey})
	if got := c.attribute(given, "public_key"); got != aliceKey || given.PhysicalID != "alice" || c.attribute(given, "private_key") != "" {
		t.Errorf("got %v called %s, want the key that was given", got, given.PhysicalID)
	}
	made := c.make("OS::Nova::KeyPair", "made-1", map[string]any{"name": "made", "save_private_key": true})
	signer, err := ssh.ParsePrivateKey([]byte(c.attribute(made, "private_key").(string)))
	if err != nil {
		t.Fatal(err)
	}
	line := c.attribute(made, "public_key").(string)
	if of := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))); !strings.HasPrefix(line, of+" ") {
		t.Errorf("got %q, want the public key of the private one, %q", line, of)
	}
	lost := c.make("OS::Nova::KeyPair", "lost-1", map[string]any{"name": "lost"})
	if got := c.attribute(lost, "private_key"); got != "" || len(lost.Data) != 2 {
		t.Errorf("a private key that is not to be saved: got %q, recorded %v", got, lost.Data)
	}
	c.fails(c.request("OS::Nova::KeyPair", "other-1", map[string]any{"name": "alice"}), stoker.Conflict, "already exists")
	c.make("OS::Nova::KeyPair", "given-2", map[string]any{"name": "alice", "public_key": aliceKey}) // takes the place of the first
	c.delete(given)

	foreign := c.request("OS::Nova::KeyPair", "foreign-1", map[string]any{"name": "alice"})
	foreign.Stack.Project = "p2"
	create(t, c.types[foreign.Type], foreign)
	for _, props := range []map[string]any{{"public_key": "secret"}, {"type": "x509"}} {
		props["name"] = "bad"
		req := c.request("OS::Nova::KeyPair", "bad-1", props)
		if err := c.types[req.Type].(stoker.Validator).Validate(req); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%v: got %v, want Invalid", props, err)
		}
	}
}

// TestKeyName looks a server's key up among the project's, then the configuration's.
func TestKeyName(t *testing.T) {
	c := newEstate(t, nil)
	key := c.make("OS::Nova::KeyPair", "key-1", map[string]any{"name": "alice", "public_key": aliceKey})
	keysOf := func(id stoker.ResourceID, name string) map[string]string {
		t.Helper()
		c.server(id, map[string]any{"key_name": name})
		spec, _ := c.driver.Spec(stoker.ServerToken(id))
		return spec.Keys
	}
	want := map[string]string{"alice": aliceKey}
	if got := keysOf("a-1", "alice"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	c.restart(key)
	if got := keysOf("b-1", "alice"); !reflect.DeepEqual(got, want) {
		t.Errorf("after a restart: got %v, want %v", got, want)
	}
	stranger := c.server("c-1", map[string]any{"key_name": "heat_key"})
	if got := c.notes(stranger); !strings.Contains(got, "heat_key") {
		t.Errorf("notes: got %q, want one about heat_key", got)
	}
	c.delete(key)
	if got := keysOf("d-1", "alice"); len(got) != 0 {
		t.Errorf("a deleted key: got %v, want nothing", got)
	}

	c = newEstate(t, map[string]string{"ops": aliceKey})
	if got := keysOf("a-1", "ops"); !reflect.DeepEqual(got, map[string]string{"ops": aliceKey}) {
		t.Errorf("of the configuration: got %v", got)
	}
	c.fails(c.request("OS::Nova::Server", "b-1", map[string]any{"image": "hello", "key_name": "heat_key"}), stoker.Invalid, "heat_key")
}

func TestServerGroup(t *testing.T) {
	c := newEstate(t, nil)
	for policy, noted := range map[string]bool{"anti-affinity": true, "soft-anti-affinity": false, "affinity": false} {
		group := c.make("OS::Nova::ServerGroup", stoker.ResourceID("group-"+policy), map[string]any{"policies": []any{policy}})
		hints := map[string]any{"scheduler_hints": map[string]any{"group": string(group.PhysicalID)}}
		one, two := c.server(stoker.ResourceID("one-"+policy), hints), c.server(stoker.ResourceID("two-"+policy), hints)
		if got := c.notes(one); got != "" {
			t.Errorf("%s, alone: got notes %q", policy, got)
		}
		if got := c.notes(two); noted != strings.Contains(got, "cannot be met") {
			t.Errorf("%s, the second: got notes %q", policy, got)
		}
		c.restart(two, group)
		c.server(stoker.ResourceID("one-"+policy), hints) // asked again after the crash
		c.delete(two)
		shown := c.attribute(group, "show").(map[string]any)
		if got, want := shown["members"], []any{string(one.PhysicalID)}; !reflect.DeepEqual(got, want) || shown["policy"] != policy {
			t.Errorf("%s: got members %v, policy %v, want %v", policy, got, shown["policy"], want)
		}
		c.delete(group)
	}
	req := c.request("OS::Nova::ServerGroup", "two-1", map[string]any{"policies": []any{"affinity", "anti-affinity"}})
	if err := c.types[req.Type].(stoker.Validator).Validate(req); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("two policies: got %v, want Invalid", err)
	}
}
