package clients_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	cloud "github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/orchestration/v1/stacks"
)

const gopherTemplate = `heat_template_version: 2021-04-16
resources:
  code: {type: OS::Heat::RandomString}
outputs:
  code: {value: {get_attr: [code, value]}}
`

// gopher abandons and adopts a stack with gophercloud's client.
func gopher(t *testing.T, at string) {
	ctx := t.Context()
	p, err := cloud.AuthenticatedClient(ctx, gophercloud.AuthOptions{
		IdentityEndpoint: at + "/v3", Username: "alice", Password: "password", DomainName: "Default",
		Scope: &gophercloud.AuthScope{ProjectName: "shop", DomainName: "Default"}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := cloud.NewOrchestrationV1(p, gophercloud.EndpointOpts{Region: "RegionOne"})
	if err != nil {
		t.Fatal(err)
	}
	text := new(stacks.Template)
	text.Bin = []byte(gopherTemplate)
	made, err := stacks.Create(ctx, c, stacks.CreateOpts{Name: "gopher", TemplateOpts: text}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	code := gopherCode(t, c, "gopher", made.ID, "CREATE_COMPLETE")
	left, err := stacks.Abandon(ctx, c, "gopher", made.ID).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if left.ID != made.ID || left.Name != "gopher" || left.Resources["code"] == nil || left.Template["resources"] == nil {
		t.Errorf("abandoned: got %+v", left)
	}
	data, err := json.Marshal(left)
	if err != nil {
		t.Fatal(err)
	}
	minutes, rollback := 5, false
	adopted, err := stacks.Adopt(ctx, c, stacks.AdoptOpts{Name: "gopher2", TemplateOpts: text, AdoptStackData: string(data),
		Timeout: minutes, DisableRollback: &rollback}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if got := gopherCode(t, c, "gopher2", adopted.ID, "ADOPT_COMPLETE"); got != code {
		t.Errorf("the adopted stack has the code %v, want %v", got, code)
	}
	if err := stacks.Delete(ctx, c, "gopher2", adopted.ID).ExtractErr(); err != nil {
		t.Error(err)
	}
}

// gopherCode waits for a stack's state and gives its output.
func gopherCode(t *testing.T, c *gophercloud.ServiceClient, name, id, state string) any {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		st, err := stacks.Get(t.Context(), c, name, id).Extract()
		switch {
		case err != nil:
			t.Fatal(err)
		case st.Status == state:
			return st.Outputs[0]["output_value"]
		case time.Now().After(deadline):
			t.Fatalf("the stack is %s, want %s", st.Status, state)
		}
	}
}
