package heat_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/resource/openstack"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

const restarterTemplate = `
heat_template_version: 2021-04-16
resources:
  server:
    type: OS::Nova::Server
    properties: { image: one, flavor: small }
  restarter:
    type: OS::Heat::HARestarter
    properties: { InstanceId: { get_resource: server } }
outputs:
  server: { value: { get_resource: server } }
`

// TestHARestarterStory has a real engine: an alarm has the server replaced, and the
// restarter, which stays, does the same for the new one. An alarm's end does nothing.
func TestHARestarterStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := &drivertest.Fake{}
		e := stack.New(stack.Config{Store: storetest.NewMemory()})
		e.Register(heat.Types(heat.Deps{Restarter: e}))
		e.Register(openstack.Types(openstack.Deps{Driver: driver, Data: e}))
		ctx, cancel := context.WithCancel(context.Background())
		done, ready := make(chan error, 1), make(chan struct{})
		go func() { done <- e.Run(ctx, ready) }()
		<-ready
		defer func() { cancel(); <-done }()

		in := stack.Input{Name: "shop", Project: "p", DisableRollback: true}
		in.Spec.Template = restarterTemplate
		st, err := e.Create(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		settled := func(want string) (server any) {
			t.Helper()
			<-time.NewTimer(time.Minute).C
			got, err := e.Await(t.Context(), st.ID)
			if err != nil || got.State() != want {
				t.Fatalf("stack is %s (%s, %v), want %s", got.State(), got.StatusReason, err, want)
			}
			v, err := e.Show(t.Context(), st.ID)
			if err != nil || len(v.Outputs) != 1 || len(driver.Servers()) != 1 {
				t.Fatalf("outputs %+v, servers %v (%v), want one of each", v.Outputs, driver.Servers(), err)
			}
			return v.Outputs[0].Value
		}
		signal := func(body map[string]any) {
			t.Helper()
			if err := e.Signal(t.Context(), st.ID, "restarter", body); err != nil {
				t.Fatal(err)
			}
		}
		first := settled("CREATE_COMPLETE")
		restarter := rowOf(t, e, st.ID, "restarter")
		signal(map[string]any{"state": "ok"})
		if got := settled("CREATE_COMPLETE"); got != first {
			t.Errorf("the end of an alarm has replaced the server")
		}
		signal(map[string]any{"state": "ALARM"})
		second := settled("UPDATE_COMPLETE")
		signal(nil)
		third := settled("UPDATE_COMPLETE")
		if first == second || second == third {
			t.Errorf("servers %v, %v, %v, want a new one after each alarm", first, second, third)
		}
		if got := rowOf(t, e, st.ID, "restarter"); got != restarter {
			t.Errorf("the restarter is %v, and was %v", got, restarter)
		}
	})
}

func rowOf(t *testing.T, e *stack.Engine, id stoker.StackID, name stoker.ResourceName) stoker.ResourceID {
	t.Helper()
	v, err := e.Resource(t.Context(), id, name)
	if err != nil {
		t.Fatal(err)
	}
	return v.ID
}

func TestHARestarterURL(t *testing.T) {
	impl := newEngine().types()["OS::Heat::HARestarter"]
	req := request(t, impl, map[string]any{"InstanceId": "x"})
	if got := attribute(t, impl, req, "AlarmUrl"); got != "http://alarm/shop/it" {
		t.Errorf("AlarmUrl: %v", got)
	}
}
