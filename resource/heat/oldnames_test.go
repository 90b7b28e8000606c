package heat_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

const oldNamesTemplate = `
heat_template_version: 2018-08-31
resources:
  script: {type: OS::Heat::SoftwareConfig, properties: {config: "#!/bin/sh", outputs: [{name: out}]}}
  all:
    type: OS::Heat::SoftwareDeployments
    properties: {config: {get_resource: script}, servers: {a: one, b: two}}
  structured:
    type: OS::Heat::StructuredDeployments
    properties: {servers: {a: one}, signal_transport: NO_SIGNAL}
  alarm: {type: OS::Aodh::CombinationAlarm, properties: {alarm_ids: [x, y], operator: or}}
outputs:
  said: {value: {get_attr: [all, deploy_stdouts]}}
`

// TestOldNamesStory makes resources by their old names with a real engine.
func TestOldNamesStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stack.New(stack.Config{Store: storetest.NewMemory()})
		e.Register(heat.Types(heat.Deps{Data: e}))
		ctx, cancel := context.WithCancel(context.Background())
		ended, ready := make(chan error, 1), make(chan struct{})
		go func() { ended <- e.Run(ctx, ready) }()
		<-ready
		defer func() { cancel(); <-ended }()
		in := stack.Input{Name: "shop", Project: "p", DisableRollback: true}
		in.Spec.Template = oldNamesTemplate
		st, err := e.Create(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		all, err := e.ResourcesOf(t.Context(), "p", "OS::Heat::SoftwareDeployment")
		if err != nil || len(all) != 2 {
			t.Fatalf("got %d deployments, %v, want one for each server", len(all), err)
		}
		for _, d := range all {
			body := map[string]any{"deploy_status_code": int64(0), "deploy_stdout": "at " + string(d.Name)}
			if err := e.Signal(t.Context(), d.Stack.ID, d.Name, body); err != nil {
				t.Fatal(err)
			}
		}
		if st, err = e.Await(t.Context(), st.ID); err != nil || st.State() != "CREATE_COMPLETE" {
			t.Fatalf("the stack is %s: %s (%v)", st.State(), st.StatusReason, err)
		}
		v, err := e.Show(t.Context(), st.ID)
		if err != nil {
			t.Fatal(err)
		}
		if out := v.Outputs[0].Value.(map[string]any); out["a"] != "at a" || out["b"] != "at b" {
			t.Errorf("got %v", out)
		}
	})
}
