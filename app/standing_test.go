package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/client"
)

const besides = `
heat_template_version: 2018-08-31
parameters: {length: {type: number, default: 6}}
resources:
  beside:
    type: OS::Heat::Stack
    properties:
      parameters: {length: {get_param: length}}
      template: |
        heat_template_version: 2018-08-31
        parameters: {length: {type: number}}
        resources: {s: {type: OS::Heat::RandomString, properties: {length: {get_param: length}}}}
        outputs: {s: {value: {get_attr: [s, value]}}}
outputs:
  s: {value: {get_attr: [beside, outputs, s]}}
  name: {value: {get_attr: [beside, stack_name]}}
`

// TestStackBesideAnother is made, changed and deleted with its resource, and survives
// a restart.
func TestStackBesideAnother(t *testing.T) {
	c := config(t)
	r := start(t, c)
	cl := dial(t, r.Server)
	id, err := cl.Create(t.Context(), client.Request{Name: "a", Template: besides})
	if err != nil {
		t.Fatal(err)
	}
	out := outputs(t, cl, id)
	if len(out["s"]) != 6 || !strings.HasPrefix(out["name"], "a-beside-") {
		t.Fatalf("got %v", out)
	}
	if st, err := cl.Stack(t.Context(), out["name"]); err != nil || st.Status != "CREATE_COMPLETE" {
		t.Errorf("got %+v, %v", st, err)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	cl = dial(t, start(t, c).Server)
	if err := cl.Update(t.Context(), id, client.Request{Template: besides, Parameters: map[string]any{"length": 9}}); err != nil {
		t.Fatal(err)
	}
	if now := outputs(t, cl, id); len(now["s"]) != 9 || now["name"] != out["name"] {
		t.Errorf("after the update: got %v", now)
	}
	if err := cl.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; {
		_, err := cl.Stack(t.Context(), out["name"])
		if stoker.IsKind(err, stoker.NotFound) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the stack beside is still there: %v", err)
		}
	}
	bad := strings.Replace(besides, "type: OS::Heat::RandomString", "type: OS::No::Such", 1)
	if id, err = cl.Create(t.Context(), client.Request{Name: "bad", Template: bad}); err != nil {
		t.Fatal(err)
	}
	if st := await(t, cl, id); st.Status != "CREATE_FAILED" || !strings.Contains(st.StatusReason, "OS::No::Such") {
		t.Errorf("got %s: %s", st.Status, st.StatusReason)
	}
	far := strings.Replace(besides, "    properties:\n", "    properties:\n      context: {region_name: elsewhere}\n", 1)
	if _, err = cl.Create(t.Context(), client.Request{Name: "far", Template: far}); err == nil || !strings.Contains(err.Error(), "elsewhere") {
		t.Errorf("got %v", err)
	}
}

// TestStackFromAnAddress: AWS::CloudFormation::Stack takes its template from where the
// configuration lets it, and nothing from anywhere else.
func TestStackFromAnAddress(t *testing.T) {
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `
AWSTemplateFormatVersion: '2010-09-09'
Parameters: {Length: {Type: Number}}
Resources: {S: {Type: OS::Heat::RandomString, Properties: {length: {Ref: Length}}}}
Outputs: {S: {Value: {"Fn::GetAtt": [S, value]}}}
`)
	}))
	defer inner.Close()
	outer := `
AWSTemplateFormatVersion: '2010-09-09'
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: ` + inner.URL + `/inner.template, Parameters: {Length: 7}, TimeoutInMinutes: 2}
Outputs: {S: {Value: {"Fn::GetAtt": [Inner, Outputs.S]}}}
`
	c := config(t)
	c.AllowFetch = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	cl := dial(t, start(t, c).Server)
	id, err := cl.Create(t.Context(), client.Request{Name: "a", Template: outer})
	if err != nil {
		t.Fatal(err)
	}
	if out := outputs(t, cl, id); len(out["S"]) != 7 {
		t.Errorf("got %v", out)
	}
	cl = dial(t, start(t, config(t)).Server)
	if id, err = cl.Create(t.Context(), client.Request{Name: "b", Template: outer}); err != nil {
		t.Fatal(err)
	}
	if st := await(t, cl, id); st.Status != "CREATE_FAILED" || !strings.Contains(st.StatusReason, "not a public one") {
		t.Errorf("not allowed: got %s: %s", st.Status, st.StatusReason)
	}
}
