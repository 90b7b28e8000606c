package metadata_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/api/metadata"
)

const token = "0b2f1c9e-53a4-4e0e-9c40-1c1f5f6a7b11"

func instance() stoker.Instance {
	return stoker.Instance{
		Server: stoker.Server{Token: token, Name: "web 1", Project: "shop",
			Addresses: []stoker.Address{{Network: "n", IP: "fd00::2"}, {Network: "lan", IP: "10.1.2.3", MAC: "02:42:0a:01:02:03"}}},
		Image: "debian", Flavor: "m1.small",
		Metadata: map[string]string{"role": "db"}, UserData: "#!/bin/sh\necho\x00\xff\n",
		Keys: map[string]string{"me": "ssh-ed25519 AAAA me", "you": "ssh-rsa BBBB you\n"},
	}
}

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

func TestPages(t *testing.T) {
	h := metadata.New(func(context.Context) (stoker.Instance, error) { return instance(), nil }, nil)
	for path, want := range map[string]string{
		"/openstack/latest":                             "meta_data.json\nuser_data\nvendor_data.json\nnetwork_data.json\nvendor_data2.json",
		"/openstack/2015-10-15/":                        "meta_data.json\nuser_data\nvendor_data.json\nnetwork_data.json\nvendor_data2.json",
		"/openstack/latest/user_data":                   instance().UserData,
		"/openstack/latest/vendor_data.json":            "{}",
		"/latest":                                       "meta-data/\nuser-data",
		"/latest/user-data":                             instance().UserData,
		"/2009-04-04/user-data/":                        instance().UserData,
		"/1.0/meta-data/hostname":                       "web-1",
		"/latest/meta-data/local-ipv4":                  "10.1.2.3",
		"/latest//meta-data/mac":                        "02:42:0a:01:02:03",
		"/latest/meta-data/public-ipv4":                 "",
		"/latest/meta-data/instance-type":               "m1.small",
		"/latest/meta-data/placement/availability-zone": "nova",
		"/latest/meta-data/placement/":                  "availability-zone",
		"/latest/meta-data/public-keys/":                "0=me\n1=you",
		"/latest/meta-data/public-keys/0/":              "openssh-key",
		"/latest/meta-data/public-keys/1/openssh-key":   "ssh-rsa BBBB you\n",
		"/latest/meta-data/block-device-mapping":        "ami\nroot",
		"/latest/meta-data/network/interfaces/macs/":    "02:42:0a:01:02:03/",
		"/latest/meta-data/network/interfaces/":         "macs/",
		"/latest/meta-data/network/interfaces/macs/02:42:0a:01:02:03/local-ipv4s": "10.1.2.3",
	} {
		if code, got := get(t, h, path); code != 200 || got != want {
			t.Errorf("%s: got %d %q, want %q", path, code, got, want)
		}
	}
	for _, path := range []string{"/openstack/latest/password", "/openstack/1999-01-01", "/latest/meta-data/public-keys/2", "/latest/meta-data/mac/x", "/v1", "/latest/api/token"} {
		if code, _ := get(t, h, path); code != 404 {
			t.Errorf("%s: got %d, want 404", path, code)
		}
	}
}

func TestLists(t *testing.T) {
	h := metadata.New(func(context.Context) (stoker.Instance, error) { return instance(), nil }, nil)
	_, versions := get(t, h, "/")
	if !strings.HasPrefix(versions, "1.0\n") || !strings.HasSuffix(versions, "2009-04-04\nlatest") || strings.Contains(versions, "openstack") {
		t.Errorf("versions: got %q", versions)
	}
	_, own := get(t, h, "/openstack")
	if !strings.HasPrefix(own, "2012-08-10\n") || !strings.HasSuffix(own, "\nlatest") {
		t.Errorf("OpenStack's versions: got %q", own)
	}
	_, pages := get(t, h, "/latest/meta-data/")
	for _, want := range []string{"ami-id", "instance-id", "placement/", "public-keys/", "network/", "security-groups"} {
		if !strings.Contains("\n"+pages+"\n", "\n"+want+"\n") {
			t.Errorf("meta-data: %q is not in %q", want, pages)
		}
	}
}

func TestMetaData(t *testing.T) {
	i := instance()
	h := metadata.New(func(context.Context) (stoker.Instance, error) { return i, nil }, nil)
	read := func() (m map[string]any) {
		_, body := get(t, h, "/openstack/latest/meta_data.json")
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := read()
	for key, want := range map[string]any{"uuid": token, "name": "web 1", "hostname": "web-1", "project_id": "shop", "launch_index": 0.0, "availability_zone": "nova"} {
		if m[key] != want {
			t.Errorf("%s: got %v, want %v", key, m[key], want)
		}
	}
	if keys := m["keys"].([]any); len(keys) != 2 || keys[0].(map[string]any)["data"] != "ssh-ed25519 AAAA me" || m["public_keys"].(map[string]any)["you"] == nil {
		t.Errorf("keys: got %v", m["keys"])
	}
	if seed := m["random_seed"].(string); len(seed) != 684 || seed == read()["random_seed"] {
		t.Errorf("random_seed: got %q, want 512 other bytes each time", seed)
	}
	i.Metadata = map[string]string{"role": "web"}
	if got := read()["meta"].(map[string]any)["role"]; got != "web" {
		t.Errorf("after an update: got %v, want the new metadata", got)
	}
}

func TestErrors(t *testing.T) {
	for err, want := range map[error]int{
		stoker.Errorf(stoker.NotFound, "gone"): 404, errors.New("secret"): 503,
	} {
		h := metadata.New(func(context.Context) (stoker.Instance, error) { return stoker.Instance{}, err }, nil)
		if code, body := get(t, h, "/latest"); code != want || strings.Contains(body, "secret") {
			t.Errorf("%v: got %d %q, want %d", err, code, body, want)
		}
	}
	w := httptest.NewRecorder()
	metadata.New(nil, nil).ServeHTTP(w, httptest.NewRequest("POST", "/openstack/latest/password", nil))
	if w.Code != 405 {
		t.Errorf("POST: got %d, want 405", w.Code)
	}
}
