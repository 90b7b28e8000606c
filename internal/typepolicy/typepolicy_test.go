package typepolicy_test

import (
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/typepolicy"
)

func TestAllow(t *testing.T) {
	table := typepolicy.Default().With(map[stoker.TypeName]typepolicy.Rule{
		"OS::Nova::Flavor": typepolicy.Everybody, "OS::Keystone::Project": typepolicy.Nobody, "AWS::*": typepolicy.Nobody, "AWS::EC2::*": typepolicy.Admin,
	})
	for _, c := range []struct {
		name          stoker.TypeName
		member, admin bool
	}{
		{"OS::Nova::Server", true, true},
		{"OS::Nova::Quota", false, true},
		{"OS::Nova::Flavor", true, true},
		{"OS::Keystone::User", false, true},
		{"OS::Keystone::Project", false, false},
		{"AWS::AutoScaling::AutoScalingGroup", false, false},
		{"AWS::EC2::Instance", false, true},
		{"my_server.yaml", true, true},
	} {
		for _, admin := range []bool{false, true} {
			want := c.member
			if admin {
				want = c.admin
			}
			err := table.Allow(c.name, admin)
			if (err == nil) != want || err != nil && !stoker.IsKind(err, stoker.Forbidden) {
				t.Errorf("%s, admin %v: got %v, want allowed: %v", c.name, admin, err, want)
			}
		}
	}
	if typepolicy.Default().Allow("OS::Nova::Flavor", false) == nil {
		t.Error("With has changed the default")
	}
}

func TestCheck(t *testing.T) {
	if err := typepolicy.Default().Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []typepolicy.Table{
		{"OS::Nova::Server": "me"}, {"OS::Nova*": typepolicy.Admin}, {"OS::*::Quota": typepolicy.Admin}, {"*": typepolicy.Nobody},
	} {
		if err := bad.Check(); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%v: got %v, want Invalid", bad, err)
		}
	}
}
