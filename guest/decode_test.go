package guest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var none = Instance{ID: "id", Hostname: "web"}

func nothing(string) ([]byte, error) { return nil, errors.New("there is nothing") }

// names are the steps of a plan, by stage.
func names(p Plan) (out []string) {
	for _, s := range p.Steps {
		out = append(out, fmt.Sprint(int(s.Stage), " ", s.Name))
	}
	return out
}

func zip(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.String()
}

func TestKinds(t *testing.T) {
	mime := "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/x-shellscript; name=a.sh\r\n\r\n#!/bin/sh\r\necho\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString([]byte(zip("#cloud-config\nhostname: h\n"))) + "\r\n--b\r\n\r\nplain\r\n--b--\r\n"
	for name, tt := range map[string]struct {
		data           string
		steps          []string
		warning, error string
	}{
		"nothing":      {data: ""},
		"script":       {data: "#!/bin/sh\n", steps: []string{"2 script part-001"}},
		"zipped":       {data: zip("#!/bin/sh\n"), steps: []string{"2 script part-001"}},
		"twice":        {data: zip(zip("#!/bin/sh\n")), steps: []string{"2 script part-001"}},
		"base64":       {data: base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\n")), steps: []string{"2 script part-001"}},
		"zipped64":     {data: base64.StdEncoding.EncodeToString([]byte(zip("#!/bin/sh\n"))), steps: []string{"2 script part-001"}},
		"hook":         {data: "#cloud-boothook\n#!/bin/sh\n", steps: []string{"0 boothook part-001"}},
		"MIME":         {data: mime, steps: []string{"1 hostname", "2 script a.sh"}, warning: `begins with "plain`},
		"zipped MIME":  {data: zip(mime), steps: []string{"1 hostname", "2 script a.sh"}, warning: `begins with "plain`},
		"archive":      {data: "#cloud-config-archive\n- '#!/bin/sh'\n- {type: text/cloud-config, content: 'hostname: h'}\n- 5\n", steps: []string{"1 hostname", "2 script part-001"}, error: "neither a text nor a map"},
		"handler":      {data: "#part-handler\n", error: "part handlers are not run"},
		"upstart":      {data: "#upstart-job\n", error: "no upstart"},
		"jinja":        {data: "## template: jinja\n#cloud-config\n", error: "Jinja"},
		"other":        {data: "anything", warning: "of no kind"},
		"bad YAML":     {data: "#cloud-config\na: [\n", error: "cloud-config:"},
		"list":         {data: "#cloud-config\n- a\n", error: "cloud-config:"},
		"bad gzip":     {data: "\x1f\x8bxx", error: "gzip"},
		"bad MIME":     {data: "Content-Type: multipart/mixed\n\nx", error: "MIME"},
		"bad include":  {data: "#include\nftp://x/y\n", error: "only http and https"},
		"gone include": {data: "#include http://x/y\n", error: "there is nothing"},
		"heat": {data: "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/x-cfninitdata; name=cfn-userdata\nContent-Disposition: attachment; filename=cfn-userdata\n\n#!/bin/sh\n--b--\n",
			steps: []string{"1 write /var/lib/heat-cfntools/cfn-userdata", "2 script cfn-userdata"}},
	} {
		p := Decode([]byte(tt.data), none, nothing)
		if !slices.Equal(names(p), tt.steps) {
			t.Errorf("%s: got %q, want %q", name, names(p), tt.steps)
		}
		for _, told := range []struct {
			got  []string
			want string
		}{{p.Warnings, tt.warning}, {p.Errors, tt.error}} {
			if (len(told.got) > 0) != (told.want != "") || !strings.Contains(strings.Join(told.got, "\n"), told.want) {
				t.Errorf("%s: told %q, want %q", name, told.got, told.want)
			}
		}
	}
}

func TestInclude(t *testing.T) {
	web := map[string]string{
		"http://x/list": "#include\n# a comment\nhttp://x/script.sh\n\nhttp://x/config\n", "http://x/script.sh": "#!/bin/sh\n",
		"http://x/config": zip("#cloud-config\nhostname: h\n"), "http://x/loop": "#include http://x/loop\n",
	}
	fetch := func(url string) ([]byte, error) { return []byte(web[url]), nil }
	p := Decode([]byte("#include-once\nhttp://x/list\n"), none, fetch)
	if want := []string{"1 hostname", "2 script script.sh"}; !slices.Equal(names(p), want) || len(p.Errors) > 0 {
		t.Errorf("got %q, errors %q, want %q", names(p), p.Errors, want)
	}
	if p := Decode([]byte(web["http://x/loop"]), none, fetch); len(p.Errors) != 1 {
		t.Errorf("a loop: got errors %q, want one", p.Errors)
	}
}

// TestBomb: what unfolds to more than its share is refused, not unfolded.
func TestBomb(t *testing.T) {
	if p := Decode([]byte(zip("#!/bin/sh\n"+strings.Repeat("x", maxSize))), none, nothing); len(p.Steps) > 0 || len(p.Errors) != 1 || !strings.Contains(p.Errors[0], "larger than") {
		t.Errorf("got %d steps, errors %q", len(p.Steps), p.Errors)
	}
}

func TestMerge(t *testing.T) {
	for how, want := range map[string]map[string]any{
		"dict(replace)+list()+str()":                               {"l": []any{"c"}, "d": map[string]any{"y": "2"}, "s": "two", "o": "old"},
		"dict()+list()+str()":                                      {"l": []any{"a", "b"}, "d": map[string]any{"x": "1", "y": "2"}, "s": "one", "o": "old"},
		"dict(recurse_array)+list(append)+str()":                   {"l": []any{"a", "b", "c"}, "d": map[string]any{"x": "1", "y": "2"}, "s": "one", "o": "old"},
		"list(prepend)+dict(recurse_list,recurse_str)+str(append)": {"l": []any{"c", "a", "b"}, "d": map[string]any{"x": "1", "y": "2"}, "s": "onetwo", "o": "old"},
		"dict(recurse_array)+list()":                               {"l": []any{"c", "b"}, "d": map[string]any{"x": "1", "y": "2"}, "s": "one", "o": "old"},
	} {
		m, err := parseMerge(how)
		if err != nil {
			t.Fatal(err)
		}
		old := map[string]any{"l": []any{"a", "b"}, "d": map[string]any{"x": "1"}, "s": "one", "o": "old"}
		if got := m.merge(old, map[string]any{"l": []any{"c"}, "d": map[string]any{"y": "2"}, "s": "two"}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", how, got, want)
		}
	}
	for _, bad := range []any{"list", "what()", "list(append", []any{map[string]any{"name": "x"}}} {
		if _, err := parseMerge(bad); err == nil {
			t.Errorf("%v: got no error", bad)
		}
	}
	if m, err := parseMerge([]any{map[string]any{"name": "list", "settings": []any{"append"}}}); err != nil || !m.list["append"] {
		t.Errorf("a list of maps: got %v, error %v", m, err)
	}
}

// TestMergedParts: each part says how it joins those before it.
func TestMergedParts(t *testing.T) {
	archive := "#cloud-config-archive\n- {type: text/cloud-config, content: 'runcmd: [one]'}\n- {type: text/cloud-config, content: 'runcmd: [two]'}\n" +
		"- {type: text/cloud-config, content: \"merge_how: list(append)+dict(recurse_array)\\nruncmd: [three]\"}\n"
	p := Decode([]byte(archive), none, nothing)
	if len(p.Steps) != 1 || string(p.Steps[0].Script.Body) != "#!/bin/sh\ntwo\nthree\n" {
		t.Errorf("got %+v, errors %q, want two and three", p.Steps, p.Errors)
	}
}

func TestConfig(t *testing.T) {
	p := Decode([]byte(`#cloud-config
runcmd: [echo a, [echo, "it's", 5], null]
write_files:
  - {path: /a, permissions: 0600, content: x}
  - {path: /b, permissions: '4755', owner: 'me:us', append: yes}
  - {path: relative}
  - {path: /c, encoding: rot13}
  - {path: /d, permissions: rw}
users: [default, bob, {name: 'x y'}, {name: al, sudo: false, groups: 'a, b', passwd: $6$x, lock_passwd: no}]
packages: [one, [two, 1.0], -bad, {apt: [x]}]
timezone: ../../etc/passwd
phone_home: {url: "http://x/$INSTANCE_ID", post: [instance_id], tries: 3}
chpasswd: {users: [{name: al, password: secret, type: text}], list: "bob:R"}
`), Instance{ID: "id", Keys: []string{"ssh-rsa A,B me"}}, nothing)
	want := []string{"1 write_files[0] /a", "1 write_files[1] /b", "1 user bob", "1 user al", "1 ssh keys", "1 password of al", "2 packages", "2 runcmd", "2 phone_home"}
	if got := names(p); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	if n := len(p.Errors); n != 7 {
		t.Errorf("got %d errors, want 7: %q", n, p.Errors)
	}
	if got := string(p.Steps[7].Script.Body); got != "#!/bin/sh\necho a\n'echo' 'it'\\''s' '5'\n" {
		t.Errorf("runcmd: got %q", got)
	}
	if a, b := p.Steps[0].File, p.Steps[1].File; a.Mode != 0o600 || a.Owner != "root:root" || b.Mode.Perm() != 0o755 || b.Mode.String()[0] != 'u' || !b.Append {
		t.Errorf("files: got %+v and %+v", a, b)
	}
	if al := p.Steps[3].User; !al.Unlocked || al.Hash != "$6$x" || !slices.Equal(al.Groups, []string{"a", "b"}) || len(al.Sudo) > 0 {
		t.Errorf("user: got %+v", al)
	}
	if k := p.Steps[4].Keys; k.User != "root" || k.Keys[0] != "ssh-rsa A,B me" {
		t.Errorf("keys: got %+v", k)
	}
	if c := p.Steps[8].Call; c.URL != "http://x/id" || c.Tries != 3 {
		t.Errorf("call: got %+v", c)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"#!/bin/sh\n", "#cloud-config\nruncmd: [a, [b]]\nusers: [x, {name: y}]\n", "#include\nhttp://a\n", zip("#!x"),
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n#!x\n--b--\n", "#cloud-config-archive\n- a\n- {content: b}\n", "#cloud-config\nmerge_how: x\nwrite_files: [{path: /a, permissions: 5}]\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		depth := 0
		p := Decode(data, none, func(url string) ([]byte, error) {
			if depth++; depth > 3 {
				return nil, errors.New("enough")
			}
			return data, nil
		})
		for _, s := range p.Steps {
			v := reflect.ValueOf(s)
			set := 0
			for k := range v.NumField() {
				if v.Field(k).Kind() == reflect.Pointer && !v.Field(k).IsNil() {
					set++
				}
			}
			if set != 1 || s.Name == "" {
				t.Errorf("step %+v does %d things, want one", s, set)
			}
			if s.Script != nil && (s.Script.Name == "" || strings.ContainsAny(s.Script.Name, "/\x00") || s.Script.Name[0] == '.') {
				t.Errorf("a script is called %q", s.Script.Name)
			}
			if s.File != nil && !strings.HasPrefix(s.File.Path, "/") {
				t.Errorf("a file is at %q", s.File.Path)
			}
		}
	})
}
