package heat_test

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
)

func TestConfigsKeepTheirContent(t *testing.T) {
	e := newEngine()
	for _, tt := range []struct {
		kind  stoker.TypeName
		props map[string]any
		want  any
	}{
		{"OS::Heat::SoftwareConfig", map[string]any{"config": "#!/bin/sh", "group": "script", "inputs": []any{map[string]any{"name": "a"}}}, "#!/bin/sh"},
		{"OS::Heat::SoftwareConfig", nil, nil},
		{"OS::Heat::StructuredConfig", map[string]any{"config": map[string]any{"a": map[string]any{"get_input": "b"}}}, map[string]any{"a": map[string]any{"get_input": "b"}}},
	} {
		impl := e.types()[tt.kind]
		req := request(t, impl, tt.props)
		create(t, impl, req)
		if got := attribute(t, impl, req, "config"); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.kind, got, tt.want)
		}
		if string(req.PhysicalID) != string(req.ID) {
			t.Errorf("%s: its reference is %s, want its ID", tt.kind, req.PhysicalID)
		}
		if _, ok := impl.(stoker.Updater); ok {
			t.Errorf("%s is changed in place", tt.kind)
		}
	}
}

func TestCloudConfig(t *testing.T) {
	impl := newEngine().types()["OS::Heat::CloudConfig"]
	given := map[string]any{"packages": []any{"nginx"}, "write_files": []any{map[string]any{"permissions": "0600", "content": "yes"}}}
	req := request(t, impl, map[string]any{"cloud_config": given})
	create(t, impl, req)
	text, _ := attribute(t, impl, req, "config").(string)
	body, ok := strings.CutPrefix(text, "#cloud-config\n")
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); !ok || err != nil || !reflect.DeepEqual(got, given) {
		t.Errorf("got %q (%v), want #cloud-config and %v", text, err, given)
	}
	empty := request(t, impl, nil)
	create(t, impl, empty)
	if got := attribute(t, impl, empty, "config"); got != "#cloud-config\n{}\n" {
		t.Errorf("without a map: %q", got)
	}
}

// onePart is a part as its reader sees it.
type onePart struct{ kind, filename, encoding, text string }

func parse(t *testing.T, text string) []onePart {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" {
		t.Fatalf("the message is %s (%v)", kind, err)
	}
	var out []onePart
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, onePart{p.Header.Get("Content-Type"), p.FileName(), p.Header.Get("Content-Transfer-Encoding"), string(body)})
	}
}

func TestMultipartMime(t *testing.T) {
	e := newEngine()
	const id, inner = "11111111-2222-3333-4444-555555555555", "66666666-2222-3333-4444-555555555555"
	script := e.types()["OS::Heat::SoftwareConfig"]
	config := request(t, script, map[string]any{"config": "#!/bin/sh\necho $((1 + 1)) \"x\"\n"})
	create(t, script, config)
	e.record(id, config.Data)
	impl := e.types()["OS::Heat::MultipartMime"]
	message := func(parts ...any) (*stoker.Request, string) {
		req := request(t, impl, map[string]any{"parts": parts})
		create(t, impl, req)
		text, _ := attribute(t, impl, req, "config").(string)
		return req, text
	}
	req, text := message(
		map[string]any{"config": id, "subtype": "x-shellscript", "filename": "setup.sh"},
		map[string]any{"config": "plain"},
		map[string]any{"config": "grüße", "filename": "cloud-config.txt"},
		map[string]any{"config": "a\r\nb"},
	)
	want := []onePart{
		{"text/x-shellscript; charset=\"us-ascii\"", "setup.sh", "7bit", "#!/bin/sh\necho $((1 + 1)) \"x\"\n"},
		{"text/plain; charset=\"us-ascii\"", "", "7bit", "plain"},
		{"text/cloud-config; charset=\"utf-8\"", "cloud-config.txt", "base64", "Z3LDvMOfZQ==\n"},
		{"text/plain; charset=\"utf-8\"", "", "base64", "YQ0KYg==\n"},
	}
	if got := parse(t, text); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if _, again := message(req.Properties["parts"].([]any)...); again != text {
		t.Error("the message is another one the second time")
	}
	e.record(inner, req.Data)
	_, outer := message(map[string]any{"config": "first"}, map[string]any{"config": inner, "type": "multipart"})
	if got := parse(t, outer); len(got) != 5 || !reflect.DeepEqual(got[1:], want) {
		t.Errorf("a message in a message: got %+v, want its parts behind the first", got)
	}
	for _, text := range []string{"no message", "Content-Type: text/plain\n\nx"} {
		bad := request(t, impl, map[string]any{"parts": []any{map[string]any{"config": text, "type": "multipart"}}})
		if _, err := impl.Create(t.Context(), bad); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%q as a message: got %v, want invalid", text, err)
		}
	}
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		impl := newEngine().types()["OS::Heat::Delay"]
		took := func(req *stoker.Request) time.Duration {
			began := time.Now()
			create(t, impl, req)
			create(t, impl, req) // as after a crash
			if _, err := impl.(stoker.Awaiter).Await(t.Context(), req); err != nil {
				t.Error(err)
			}
			return time.Since(began)
		}
		if d := took(request(t, impl, map[string]any{"min_wait": int64(5)})); d != 5*time.Second {
			t.Errorf("min_wait 5 took %s", d)
		}
		if d := took(request(t, impl, map[string]any{"min_wait": int64(5), "actions": []any{"DELETE"}})); d != 0 {
			t.Errorf("a delay of deletions took %s to create", d)
		}
		different := map[time.Duration]bool{}
		for range 20 {
			d := took(request(t, impl, map[string]any{"min_wait": int64(1), "max_jitter": int64(2), "jitter_multiplier": 10.0}))
			if d < time.Second || d > 21*time.Second {
				t.Errorf("1 to 21 seconds took %s", d)
			}
			different[d] = true
		}
		if len(different) < 10 {
			t.Errorf("20 random delays were %d different ones", len(different))
		}
		began := time.Now()
		req := request(t, impl, map[string]any{"min_wait": int64(3), "actions": []any{"CREATE", "DELETE"}})
		if err := impl.Delete(t.Context(), req); err != nil || time.Since(began) != 3*time.Second {
			t.Errorf("delete: %v after %s, want 3s", err, time.Since(began))
		}
	})
}
