package drivertest

import (
	"context"
	"testing"

	"github.com/stoker-project/stoker"
)

// Files reads and writes files as a program in a server does. read gives false where
// there is no such file; write gives false where it cannot be written.
type Files interface {
	Read(t *testing.T, d stoker.Driver, server stoker.ServerToken, path string) (string, bool)
	Write(t *testing.T, d stoker.Driver, server stoker.ServerToken, path, text string) bool
}

// volumeDriver is a driver with volumes.
type volumeDriver interface {
	stoker.Driver
	stoker.Volumer
	stoker.VolumeAttacher
}

// withVolumes gives the driver with its volumes, or skips the test.
func (s *suite) withVolumes() volumeDriver {
	s.Helper()
	d, ok := s.driver.(volumeDriver)
	if !ok || s.Files == nil {
		s.Skip("the driver has no volumes, or they cannot be seen")
	}
	return d
}

// volume makes a volume that goes with the test.
func (s *suite) volume(token stoker.VolumeToken) stoker.VolumeToken {
	s.Helper()
	spec := stoker.VolumeSpec{Token: token, Name: "name of " + string(token), Project: "a project", Size: 1 << 30}
	if err := s.driver.(volumeDriver).CreateVolume(s.ctx, spec); err != nil {
		s.Fatalf("create volume %q: %v", token, err)
	}
	s.made = append(s.made, token)
	return token
}

func (s *suite) attach(server stoker.ServerToken, volume stoker.VolumeToken, device string) string {
	s.Helper()
	path, err := s.driver.(volumeDriver).AttachVolume(s.ctx, server, volume, device)
	if err != nil {
		s.Fatalf("attach %q to %q: %v", volume, server, err)
	}
	return path
}

func (s *suite) detach(server stoker.ServerToken, volume stoker.VolumeToken) {
	s.Helper()
	if err := s.driver.(volumeDriver).DetachVolume(s.ctx, server, volume); err != nil {
		s.Fatalf("detach %q from %q: %v", volume, server, err)
	}
}

// wantFile wants a file in a server, or with an empty text none.
func (s *suite) wantFile(when string, server stoker.ServerToken, path, want string) {
	s.Helper()
	got, ok := s.Files.Read(s.T, s.driver, server, path)
	if ok != (want != "") || got != want {
		s.Errorf("%s: %s of %s: got %q, there: %v, want %q", when, path, server, got, ok, want)
	}
}

func (s *suite) write(server stoker.ServerToken, path, text string) {
	s.Helper()
	if !s.Files.Write(s.T, s.driver, server, path, text) {
		s.Fatalf("%s of %s cannot be written", path, server)
	}
}

func (s *suite) volumesTwice() {
	d := s.withVolumes()
	s.volume("data")
	s.volume("data")
	s.make(s.Runs, "one")
	if path, again := s.attach("one", "data", "/dev/vdb"), s.attach("one", "data", "/dev/vdb"); path == "" || path != again {
		s.Errorf("attached twice: got %q and %q, want one path", path, again)
	}
	for range 2 {
		s.detach("one", "data")
	}
	for _, when := range []string{"once", "twice"} {
		if err := d.DestroyVolume(s.ctx, "data"); err != nil {
			s.Errorf("destroy %s: %v", when, err)
		}
	}
	if err := d.CreateVolume(s.ctx, stoker.VolumeSpec{Name: "no token"}); !stoker.IsKind(err, stoker.Invalid) {
		s.Errorf("no token: got %v, want Invalid", err)
	}
}

func (s *suite) volumesRefuse() {
	d := s.withVolumes()
	s.volume("data")
	s.volume("more")
	s.make(s.Runs, "one")
	s.make(s.Runs, "two")
	s.attach("one", "data", "/dev/vdb")
	for what, test := range map[string]struct {
		server stoker.ServerToken
		volume stoker.VolumeToken
		device string
		want   stoker.Kind
	}{
		"no such server":        {"never was", "more", "/dev/vdc", stoker.NotFound},
		"no such volume":        {"one", "never was", "/dev/vdc", stoker.NotFound},
		"the name is in use":    {"one", "more", "/dev/vdb", stoker.Conflict},
		"another server has it": {"two", "data", "/dev/vdb", stoker.Conflict},
		"under another name":    {"one", "data", "/dev/vdc", stoker.Conflict},
	} {
		if path, err := d.AttachVolume(s.ctx, test.server, test.volume, test.device); !stoker.IsKind(err, test.want) {
			s.Errorf("%s: got %q, error %v, want %v", what, path, err, test.want)
		}
	}
	if err := d.DestroyVolume(s.ctx, "data"); !stoker.IsKind(err, stoker.Conflict) {
		s.Errorf("destroy while attached: got %v, want Conflict", err)
	}
	s.detach("two", "data") // it is not there: nothing happens
	s.detach("never was", "data")
	s.detach("one", "never was")
	if err := d.DestroyVolume(s.ctx, "data"); !stoker.IsKind(err, stoker.Conflict) {
		s.Errorf("destroy after others' detaching: got %v, want Conflict", err)
	}
}

// volumesKeep moves data from server to server.
func (s *suite) volumesKeep() {
	s.withVolumes()
	s.volume("data")
	s.volume("more")
	s.make(s.Runs, "one")
	path := s.attach("one", "data", "")
	if other := s.attach("one", "more", ""); other == path {
		s.Errorf("two volumes are both at %s", path)
	}
	s.write("one", path+"/file", "kept")
	s.detach("one", "data")
	s.wantFile("detached", "one", path+"/file", "")
	s.make(s.Runs, "two")
	at := s.attach("two", "data", "/dev/vdx")
	s.wantFile("attached elsewhere", "two", at+"/file", "kept")
	if s.Reopen != nil {
		s.driver = s.Reopen(s.T, s.driver)
		s.wantFile("after a restart", "two", at+"/file", "kept")
		if again := s.attach("two", "data", "/dev/vdx"); again != at {
			s.Errorf("attached after a restart: got %q, want %q", again, at)
		}
	}
	for _, server := range []stoker.ServerToken{"two", "one"} {
		if err := s.driver.Destroy(s.ctx, server, s.Grace); err != nil {
			s.Fatal(err)
		}
	}
	s.make(s.Runs, "two")
	s.wantFile("another server of the token", "two", at+"/file", "")
	at = s.attach("two", "data", "/dev/vdb")
	s.wantFile("after the server's end", "two", at+"/file", "kept")
}

// removeVolumes is part of the cleaning up; no server is left by then.
func (s *suite) removeVolumes(ctx context.Context) {
	for _, token := range s.made {
		if err := s.driver.(volumeDriver).DestroyVolume(ctx, token); err != nil {
			s.Errorf("destroy volume %q at the end: %v", token, err)
		}
	}
}
