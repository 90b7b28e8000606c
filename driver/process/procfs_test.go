//go:build linux

package process

import (
	"os"
	"testing"
)

func TestParseStat(t *testing.T) {
	const line = "42 (a) R (b) c) S 1 40 41 0 -1 4194304 9 8 7 6 100 20 3 4 20 0 1 0 5555 1 2\n"
	got, err := parseStat([]byte(line))
	want := procEntry{pid: 42, group: 40, session: 41, start: 5555, ticks: 127}
	if err != nil || got != want {
		t.Errorf("got %+v, error %v, want %+v", got, err, want)
	}
	self, err := readStat(os.Getpid())
	if err != nil || self.pid != os.Getpid() || self.start == 0 {
		t.Errorf("ourselves: got %+v, error %v", self, err)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("42 (a) R (b) c) Z 1 40 41 0 -1 4194304 9 8 7 6 100 20 3 4 20 0 1 0 5555 1 2\n"))
	f.Add([]byte("1 () S"))
	f.Add([]byte(")("))
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := parseStat(data); err == nil && e.session < 0 && len(data) < 40 {
			t.Errorf("%q: got %+v without an error", data, e)
		}
	})
}
