package openstack_test

import (
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
)

const written = `
resources:
  data: { type: OS::Cinder::Volume, properties: { size: 1 } }
  copy: { type: OS::Cinder::Volume, properties: { size: 1, source_volid: { get_resource: data } } }
  server: { type: OS::Nova::Server, properties: { image: web, flavor: m1.tiny } }
  place: { type: OS::Cinder::VolumeAttachment, properties: { volume_id: { get_resource: data }, instance_uuid: { get_resource: server } } }
outputs: { source: { value: { get_attr: [ copy, source_volid ] } }, data: { value: { get_resource: data } } }
`

// TestRestoredServersAndVolumes have what was in them when the snapshot was taken, and the
// attachments too.
func TestRestoredServersAndVolumes(t *testing.T) {
	c := newCloud(t)
	st := c.make("s", written)
	token := func() stoker.ServerToken {
		t.Helper()
		for token := range c.driver.Servers() {
			return token
		}
		t.Fatal("there is no server")
		return ""
	}
	read := func(path string) string {
		text, _ := c.driver.ReadFile(token(), path)
		return text
	}
	for _, path := range []string{"/disk", "/volumes/vdb/file"} {
		if !c.driver.WriteFile(token(), path, "then") {
			t.Fatalf("%s cannot be written", path)
		}
	}
	shot, err := c.Snapshot(t.Context(), st.ID, "x")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Await(t.Context(), st.ID); err != nil || got.State() != "SNAPSHOT_COMPLETE" {
		t.Fatalf("%s: %s, %v", got.State(), got.StatusReason, err)
	}
	for _, path := range []string{"/disk", "/volumes/vdb/file"} {
		c.driver.WriteFile(token(), path, "later")
	}
	before := token()
	if err := c.Restore(t.Context(), st, shot.ID, false); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Await(t.Context(), st.ID); err != nil || got.State() != "RESTORE_COMPLETE" {
		t.Fatalf("%s: %s, %v", got.State(), got.StatusReason, err)
	}
	if token() == before || len(c.driver.Servers()) != 1 {
		t.Errorf("the server is still %s", before)
	}
	for _, path := range []string{"/disk", "/volumes/vdb/file"} {
		if got := read(path); got != "then" {
			t.Errorf("%s: got %q, want what it was then", path, got)
		}
	}
	// Another image is another server; the volume stays.
	c.change(st, strings.Replace(written, "image: web", "image: other", 1))
	if disk, volume := read("/disk"), read("/volumes/vdb/file"); disk != "" || volume != "then" {
		t.Errorf("after another image: disk %q, volume %q", disk, volume)
	}
	c.remove(st)
	if images, volumes := c.driver.Images(), c.driver.Volumes(); len(images)+len(volumes) != 0 {
		t.Errorf("left: %q and %v", images, volumes)
	}
}
