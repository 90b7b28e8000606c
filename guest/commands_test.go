package guest

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPackageCommands(t *testing.T) {
	lines := func(m manager, p Packages, missing ...Package) (out []string) {
		for _, c := range packageCommands(m, p, missing) {
			line := strings.Join(c.argv, " ")
			if c.optional {
				line = "?" + line
			}
			out = append(out, line)
		}
		return out
	}
	by := map[string]manager{}
	for _, m := range managers {
		by[m.name] = m
	}
	const apt = "apt-get -q -y -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=120 "
	for _, tt := range []struct {
		got, want []string
	}{
		{lines(by["apt-get"], Packages{}), nil},
		{lines(by["apt-get"], Packages{}, Package{"a", ""}, Package{"b", "1"}), []string{"?apt-get -q update", apt + "install a b=1"}},
		{lines(by["apt-get"], Packages{Update: true, Upgrade: true}), []string{"apt-get -q update", apt + "dist-upgrade"}},
		{lines(by["apk"], Packages{}, Package{"a", "1"}), []string{"?apk update", "apk add a=1"}},
		{lines(by["dnf"], Packages{Upgrade: true}, Package{"a", "1"}), []string{"?dnf -y makecache", "dnf -y upgrade", "dnf -y install a-1"}},
		{lines(by["microdnf"], Packages{Update: true}, Package{"a", ""}), []string{"microdnf -y install a"}},
		{lines(by["yum"], Packages{}, Package{"a", ""}), []string{"?yum -y makecache", "yum -y install a"}},
		{lines(by["zypper"], Packages{}, Package{"a", "2"}), []string{"?zypper -n refresh", "zypper -n install a=2"}},
	} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestUserCommands(t *testing.T) {
	u := User{Name: "al", Gecos: "Al B", Home: "/h", Shell: "/bin/sh", PrimaryGroup: "g", UID: "5", Groups: []string{"x", "y"}}
	join := func(cs [][]string) (out []string) {
		for _, c := range cs {
			out = append(out, strings.Join(c, " "))
		}
		return out
	}
	if got, want := join(userCommands("useradd", u)), []string{"useradd al --comment Al B --home-dir /h --gid g --groups x,y --shell /bin/sh --uid 5 -m"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := join(userCommands("adduser", u)), []string{"adduser -D -g Al B -h /h -G g -s /bin/sh -u 5 al", "addgroup al x", "addgroup al y"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := join(userCommands("useradd", User{Name: "s", System: true, NoUserGroup: true})), []string{"useradd s --system --no-user-group -M"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRole(t *testing.T) {
	for _, tt := range []struct {
		command []string
		user    string
		there   []string
		systemd bool
		want    role
	}{
		{[]string{"nginx"}, "", nil, false, roleMain},
		{nil, "", nil, false, roleServices},
		{[]string{"/bin/bash"}, "", nil, false, roleServices},
		{[]string{"bash", "-c", "x"}, "", nil, false, roleMain},
		{nil, "", []string{"/sbin/init"}, false, roleInit},
		{nil, "", []string{"/sbin/init"}, true, roleServices},
		{[]string{"/sbin/init"}, "", []string{"/sbin/init"}, true, roleInit},
		{[]string{"/usr/bin/tini", "--", "x"}, "", []string{"/usr/bin/tini"}, false, roleInit},
		{[]string{"/usr/bin/tini", "--", "x"}, "app", []string{"/usr/bin/tini"}, false, roleMain},
		{[]string{"/sbin/init"}, "", nil, false, roleMain},
	} {
		readlink := func(string) (string, error) {
			if tt.systemd {
				return "/lib/systemd/systemd", nil
			}
			return "", os.ErrInvalid
		}
		got, _ := roleOf(Options{Command: tt.command, User: tt.user}, readlink, func(p string) bool { return slices.Contains(tt.there, p) })
		if got != tt.want {
			t.Errorf("%q as %q: got %d, want %d", tt.command, tt.user, got, tt.want)
		}
	}
}

func TestOutput(t *testing.T) {
	var log bytes.Buffer
	file := filepath.Join(t.TempDir(), "log")
	o := newOutput(&log, file)
	w, done, err := o.pipe()
	if err != nil {
		t.Fatal(err)
	}
	w.WriteString(strings.Repeat("x", 3*tail) + "end\n")
	w.Close()
	<-done
	o.wait()
	kept, err := os.ReadFile(file)
	if err != nil || string(kept) != log.String() || len(kept) != 3*tail+4 {
		t.Errorf("got %d bytes in the file and %d in the log, error %v", len(kept), log.Len(), err)
	}
	if last := o.last(); len(last) > tail || !strings.HasSuffix(last, "xend\n") {
		t.Errorf("last: got %d bytes", len(last))
	}
	o.forget()
	if o.last() != "" {
		t.Error("not forgotten")
	}
}

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	for _, f := range []File{{Path: path, Body: []byte("one\n"), Mode: 0o640}, {Path: path, Body: []byte("two\n"), Mode: 0o600, Append: true}} {
		if err := writeFile(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := addLines(path, 0o600, "two", "three"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "one\ntwo\nthree\n" {
		t.Errorf("got %q, error %v", text, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, error %v", info.Mode(), err)
	}
	if err := writeFile(File{Path: path, Owner: "nobody-of-that-name"}); err == nil {
		t.Error("an owner who is not there: got no error")
	}
}

func TestEnvironment(t *testing.T) {
	got := environment([]string{"A=1", "HOME=/home/x"})
	for _, want := range []string{"A=1", "HOME=/root", "USER=root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"} {
		if !slices.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
	if slices.Contains(got, "HOME=/home/x") {
		t.Error("HOME is there twice")
	}
}
