package heat_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/resource/openstack"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

const deploymentTemplate = `
heat_template_version: 2021-04-16
resources:
  script:
    type: OS::Heat::SoftwareConfig
    properties: { config: "#!/bin/sh", group: script, outputs: [ { name: result } ] }
  boot:
    type: OS::Heat::MultipartMime
    properties:
      parts: [ { config: { get_resource: script }, subtype: x-shellscript }, { config: more } ]
  server:
    type: OS::Nova::Server
    properties: { image: one, flavor: small, user_data: { get_resource: boot }, user_data_format: RAW }
  deployment:
    type: OS::Heat::SoftwareDeployment
    properties: { config: { get_resource: script }, server: { get_resource: server } }
  after:
    type: OS::Heat::Value
    properties: { value: { get_attr: [ deployment, result ] } }
outputs:
  result: { value: { get_attr: [ after, value ] } }
`

// TestDeploymentStory has a real engine: the server gets the texts of the
// configurations, and what depends on the deployment waits for its signal.
func TestDeploymentStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := &drivertest.Fake{}
		e := stack.New(stack.Config{Store: storetest.NewMemory()})
		e.Register(heat.Types(heat.Deps{Groups: e, Data: e}))
		e.Register(openstack.Types(openstack.Deps{Driver: driver, Data: e}))
		ctx, cancel := context.WithCancel(context.Background())
		done, ready := make(chan error, 1), make(chan struct{})
		go func() { done <- e.Run(ctx, ready) }()
		<-ready
		defer func() { cancel(); <-done }()

		in := stack.Input{Name: "shop", Project: "p", DisableRollback: true}
		in.Spec.Template = deploymentTemplate
		st, err := e.Create(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		<-time.NewTimer(time.Second).C // the server comes up
		synctest.Wait()
		made := driver.Servers()
		if len(made) != 1 {
			t.Fatalf("%d servers, want 1", len(made))
		}
		for token := range made {
			if spec, _ := driver.Spec(token); !strings.HasPrefix(spec.UserData, "Content-Type: multipart/mixed") || !strings.Contains(spec.UserData, "#!/bin/sh") {
				t.Errorf("user data %q, want a message with the script", spec.UserData)
			}
		}
		if err := e.Signal(t.Context(), st.ID, "deployment", map[string]any{"deploy_status_code": int64(0), "result": "42"}); err != nil {
			t.Fatal(err)
		}
		got, err := e.Await(t.Context(), st.ID)
		if err != nil || got.State() != "CREATE_COMPLETE" {
			t.Fatalf("stack is %s (%s, %v)", got.State(), got.StatusReason, err)
		}
		v, err := e.Show(t.Context(), st.ID)
		if err != nil || len(v.Outputs) != 1 || v.Outputs[0].Value != "42" {
			t.Errorf("outputs are %+v (%v), want what the signal brought", v.Outputs, err)
		}
	})
}
