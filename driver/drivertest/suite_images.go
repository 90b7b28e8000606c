package drivertest

import (
	"maps"
	"slices"

	"github.com/stoker-project/stoker"
)

func (s *suite) imager() stoker.ServerImager {
	i, ok := s.driver.(stoker.ServerImager)
	if !ok || s.Files == nil {
		s.Skip("the driver makes no images of servers, or their disks cannot be seen")
	}
	return i
}

const keptFile = "/tmp/kept"

// imagesKeep: a server of a captured image has the files of that moment and is otherwise a server
// like others; it outlives its image, and the image the first server.
func (s *suite) imagesKeep() {
	i := s.imager()
	s.make(s.Runs, "one")
	s.await("one", isActive)
	s.write("one", keptFile, "then")
	image, err := i.Capture(s.ctx, "one", "first.key")
	if err != nil {
		s.Fatal(err)
	}
	s.write("one", keptFile, "later")
	if again, err := i.Capture(s.ctx, "one", "first.key"); again != image || err != nil {
		s.Errorf("asked again: %q, %v, want %q", again, err, image)
	}
	if err := s.driver.Destroy(s.ctx, "one", s.Grace); err != nil {
		s.Fatal(err)
	}
	if again, err := i.Capture(s.ctx, "one", "first.key"); again != image || err != nil {
		s.Errorf("without its server: %q, %v, want %q", again, err, image)
	}
	spec := s.Runs
	spec.Image = image
	s.make(spec, "two")
	s.await("two", isActive)
	s.wantFile("of the image", "two", keptFile, "then")
	// An image of a server of an image is one, too.
	s.write("two", keptFile, "more")
	second, err := i.Capture(s.ctx, "two", "second.key")
	if err != nil || second == image {
		s.Fatalf("got %q, %v", second, err)
	}
	spec.Image = second
	s.make(spec, "three")
	s.await("three", isActive)
	s.wantFile("of the second image", "three", keptFile, "more")
	for range 2 {
		for _, key := range []string{"first.key", "second.key"} {
			if err := i.DropImage(s.ctx, key); err != nil {
				s.Errorf("drop %s: %v", key, err)
			}
		}
	}
	s.wantFile("without its image", "two", keptFile, "more")
	spec.Token, spec.Name = "four", "four"
	if _, err := s.driver.Create(s.ctx, spec); !stoker.IsKind(err, stoker.Invalid) {
		s.Errorf("an image that was dropped: %v", err)
	}
	if tokens := slices.Sorted(maps.Keys(s.list())); !slices.Equal(tokens, []stoker.ServerToken{"three", "two"}) {
		s.Errorf("there are %q", tokens)
	}
}

// imagesRefuse what is not there, and what is another project's.
func (s *suite) imagesRefuse() {
	i := s.imager()
	if _, err := i.Capture(s.ctx, "never was", "key"); !stoker.IsKind(err, stoker.NotFound) {
		s.Errorf("of a server that never was: %v", err)
	}
	s.make(s.Runs, "one")
	s.await("one", isActive)
	image, err := i.Capture(s.ctx, "one", "key")
	if err != nil {
		s.Fatal(err)
	}
	spec := s.Runs
	spec.Token, spec.Name, spec.Image, spec.Project = "two", "two", image, "another project"
	if _, err := s.driver.Create(s.ctx, spec); !stoker.IsKind(err, stoker.Invalid) {
		s.Errorf("another project's: %v", err)
	}
	if err := i.DropImage(s.ctx, "key"); err != nil {
		s.Error(err)
	}
}

// volumesCopy: a copy has what was in the volume, and goes its own way.
func (s *suite) volumesCopy() {
	d := s.withVolumes()
	copier, ok := s.driver.(stoker.VolumeCopier)
	if !ok {
		s.Skip("the driver copies no volumes")
	}
	s.volume("data")
	s.make(s.Runs, "one")
	s.await("one", isActive)
	at := s.attach("one", "data", "/dev/vdb")
	s.write("one", at+"/file", "then")
	spec := stoker.VolumeSpec{Token: "copy", Name: "copy", Project: "a project", Size: 1 << 30}
	for range 2 {
		if err := copier.CopyVolume(s.ctx, "data", spec); err != nil {
			s.Fatal(err)
		}
	}
	s.made = append(s.made, "copy")
	s.write("one", at+"/file", "later")
	if err := copier.CopyVolume(s.ctx, "data", spec); err != nil { // it is there, as it was
		s.Fatal(err)
	}
	other := s.attach("one", "copy", "/dev/vdc")
	s.wantFile("of the copy", "one", other+"/file", "then")
	s.wantFile("of the volume", "one", at+"/file", "later")
	for _, from := range []stoker.VolumeToken{"never was", "data"} {
		foreign := spec
		foreign.Token = "no copy"
		if from == "data" {
			foreign.Project = "another project"
		}
		if err := copier.CopyVolume(s.ctx, from, foreign); !stoker.IsKind(err, stoker.NotFound) {
			s.Errorf("copy of %q: %v", from, err)
		}
	}
	if _, err := d.AttachVolume(s.ctx, "one", "no copy", ""); !stoker.IsKind(err, stoker.NotFound) {
		s.Errorf("a copy that was refused: %v", err)
	}
}
