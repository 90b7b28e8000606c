// Package volumes_test runs volumes.yaml on a real Docker daemon: what a server has
// written is there for all that take its place.
package volumes_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	moby "github.com/moby/moby/client"

	"github.com/stoker-project/stoker/client"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
	"github.com/stoker-project/stoker/examples/story"
)

func TestMain(m *testing.M) { os.Exit(dockerdtest.Main(m.Run)) }

type notes struct{ *story.Story }

func TestVolumes(t *testing.T) {
	s := newNotes(t)
	s.Start()
	if _, err := s.API.Create(t.Context(), s.request("1")); err != nil {
		t.Fatal(err)
	}
	s.Settled("notes", "CREATE_COMPLETE")
	if path, status := s.Output("notes", "path"), s.Output("notes", "status"); path != "/mnt/volumes/vdb" || status != "in-use" {
		t.Errorf("got path %s, status %s, want /mnt/volumes/vdb, in-use", path, status)
	}
	s.add("first")
	s.shows("the server that wrote", "first")
	first := s.Containers()

	if err := s.API.Update(t.Context(), "notes", s.request("2")); err != nil {
		t.Fatal(err)
	}
	s.Settled("notes", "UPDATE_COMPLETE")
	if now := s.Containers(); len(now) != 1 || now[0] == first[0] {
		t.Fatalf("got containers %v, want another than %v", now, first)
	}
	s.shows("its replacement", "first")
	s.add("second")

	// Stoker is killed, and then the container: the next Stoker replaces it.
	s.Kill()
	second := s.Containers()
	if _, err := s.Docker.ContainerKill(t.Context(), second[0], moby.ContainerKillOptions{}); err != nil {
		t.Fatal(err)
	}
	s.Start()
	s.Until("the killed server is replaced", func() bool {
		now := s.Containers()
		return len(now) == 1 && now[0] != second[0]
	})
	s.shows("the one after a crash", "firstsecond")

	s.refusesToLose()
	s.restores()
	if err := s.API.Delete(t.Context(), "notes"); err != nil {
		t.Fatal(err)
	}
	s.Gone()
	s.volumesGone()
}

// newNotes has the program of the example as an image.
func newNotes(t *testing.T) notes {
	s := notes{story.New(t, "../..", "--live-restore")}
	program := filepath.Join(t.TempDir(), "notes")
	build := exec.Command("go", "build", "-o", program, "./notes")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile("stoker.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s.Configure(strings.Replace(string(text), "notes/notes}", program+"}", 1) + "\nlisten: 127.0.0.1:0\n")
	return s
}

func (s notes) request(release string) client.Request {
	s.Helper()
	r, err := client.Bundle("volumes.yaml", nil)
	if err != nil {
		s.Fatal(err)
	}
	r.Name, r.Parameters = "notes", map[string]any{"release": release}
	return r
}

func (s notes) add(text string) {
	s.Helper()
	resp, err := http.Post(s.Output("notes", "url"), "text/plain", strings.NewReader(text))
	if err != nil {
		s.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.Fatalf("add a note: %s", resp.Status)
	}
}

// shows wants the notes from whatever server there is now, soon.
func (s notes) shows(who, want string) {
	s.Helper()
	last := ""
	defer func() {
		if s.Failed() {
			s.Logf("%s: got %s last, want %q", who, last, want)
		}
	}()
	s.Until(who+" has the notes", func() bool {
		got, err := ask(s.Output("notes", "url"))
		last = fmt.Sprintf("%q, error %v", got, err)
		return err == nil && got == "OK: "+want
	})
}

func ask(url string) (string, error) {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	resp, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.Status[4:] + ": " + string(text), err
}

// refusesToLose removes the data directory's folders of servers as a restart does that
// finds nothing: the volume keeps its data.
func (s notes) refusesToLose() {
	s.Helper()
	s.Kill()
	for _, id := range s.Containers() {
		if _, err := s.Docker.ContainerRemove(s.Context(), id, moby.ContainerRemoveOptions{Force: true}); err != nil {
			s.Fatal(err)
		}
	}
	s.Start() // it removes the folders of servers that are gone, in which the volume was mounted
	s.shows("the one after all was lost", "firstsecond")
}

// restores goes back to a snapshot: server and volume begin with what was in them. After the
// stack nothing of that is left.
func (s notes) restores() {
	s.Helper()
	shot, err := s.API.TakeSnapshot(s.Context(), "notes", "before")
	if err != nil {
		s.Fatal(err)
	}
	s.Settled("notes", "SNAPSHOT_COMPLETE")
	whole, err := s.API.Snapshot(s.Context(), "notes", shot.ID)
	if err != nil {
		s.Fatal(err)
	}
	for name, told := range map[string]string{"server": "snapshot_image_id", "data": "backup_id"} {
		all, _ := whole.Data["resources"].(map[string]any)
		one, _ := all[name].(map[string]any)
		data, _ := one["resource_data"].(map[string]any)
		if id, _ := data[told].(string); id == "" {
			s.Errorf("the snapshot shows %v of %s, want %s", one, name, told)
		}
	}
	s.add("third")
	s.shows("the server after the snapshot", "firstsecondthird")
	before := s.Containers()
	if err := s.API.Restore(s.Context(), "notes", shot.ID); err != nil {
		s.Fatal(err)
	}
	s.Settled("notes", "RESTORE_COMPLETE")
	if now := s.Containers(); len(now) != 1 || now[0] == before[0] {
		s.Errorf("got containers %v, want another than %v", now, before)
	}
	s.shows("the restored server", "firstsecond")
	s.add("fourth")
	if err := s.API.Update(s.Context(), "notes", s.request("3")); err != nil {
		s.Fatal(err)
	}
	s.Settled("notes", "UPDATE_COMPLETE")
	s.shows("its replacement", "firstsecondfourth")
	if err := s.API.DeleteSnapshot(s.Context(), "notes", shot.ID); err == nil || !strings.Contains(err.Error(), "need it: data, server") {
		s.Errorf("a snapshot in use: %v", err)
	}
}

func (s notes) volumesGone() {
	s.Helper()
	all, err := s.Docker.VolumeList(s.Context(), moby.VolumeListOptions{})
	if err != nil || len(all.Items) > 0 {
		s.Errorf("volumes are left: %v, error %v", all.Items, err)
	}
	images, err := s.Docker.ImageList(s.Context(), moby.ImageListOptions{All: true, Filters: moby.Filters{}.Add("label", "stoker.keeper")})
	if err != nil || len(images.Items) > 0 {
		s.Errorf("images of servers are left: %v, error %v", images.Items, err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), s.Data+"/docker/mounts/") {
		s.Errorf("mounts are left, error %v:\n%s", err, mounts)
	}
}
