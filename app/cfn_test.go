package app_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker/client"
)

const cfnTemplate = `
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Secret: {Type: String, NoEcho: true}
Resources:
  S: {Type: OS::Heat::RandomString, Properties: {length: 10}}
Outputs:
  S: {Value: {Ref: S}}
`

// TestCloudFormation makes a stack from a CloudFormation template, and looks for
// its secret where clients look.
func TestCloudFormation(t *testing.T) {
	r := start(t, config(t))
	c := dial(t, r.Server)
	id, err := c.Create(t.Context(), client.Request{Name: "aws", Template: cfnTemplate, Parameters: map[string]any{"Secret": "hush-hush"}})
	if err != nil {
		t.Fatal(err)
	}
	st := await(t, c, id)
	if st.Status != "CREATE_COMPLETE" || len(st.Outputs) != 1 || len(st.Outputs[0].Value.(string)) != 10 {
		t.Errorf("got %+v", st)
	}
	if got := st.Parameters["Secret"]; got != "******" {
		t.Errorf("the secret is shown as %q", got)
	}
	if text := get(t, r, "/stacks/aws/"+id+"/environment"); strings.Contains(text, "hush-hush") || !strings.Contains(text, "Secret") {
		t.Errorf("got environment %s", text)
	}
	if text := get(t, r, "/stacks/aws/"+id+"/template"); !strings.Contains(text, "AWSTemplateFormatVersion") {
		t.Errorf("got template %s", text)
	}
	v, err := c.Validate(t.Context(), client.Request{Template: cfnTemplate})
	if err != nil || v.Parameters["Secret"].Type != "String" {
		t.Errorf("got %+v, %v", v, err)
	}
}

func await(t *testing.T, c *client.Client, id string) *client.Stack {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		st, err := c.Stack(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(st.Status, "_IN_PROGRESS") {
			return st
		}
	}
	t.Fatal("the stack does not end")
	return nil
}

func get(t *testing.T, r *running, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", r.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s: %s %v", path, res.Status, text, err)
	}
	return string(text)
}
