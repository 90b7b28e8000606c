package app_test

import (
	"strings"
	"testing"
)

// gaps are the types of Heat itself, of alarms and of AWS that are known by their schemas
// only, with the reason. Other families need services that are not here.
var gaps = map[string]string{
	"AWS::EC2::EIP":                           "addresses of AWS's network are translated to Neutron's by hand: OS::Neutron::FloatingIP",
	"AWS::EC2::EIPAssociation":                "as AWS::EC2::EIP",
	"AWS::EC2::InternetGateway":               "networks are Neutron's: OS::Neutron::Router",
	"AWS::EC2::NetworkInterface":              "networks are Neutron's: OS::Neutron::Port",
	"AWS::EC2::RouteTable":                    "networks are Neutron's: OS::Neutron::Router",
	"AWS::EC2::SecurityGroup":                 "networks are Neutron's: OS::Neutron::SecurityGroup",
	"AWS::EC2::Subnet":                        "networks are Neutron's: OS::Neutron::Subnet",
	"AWS::EC2::SubnetRouteTableAssociation":   "networks are Neutron's: OS::Neutron::RouterInterface",
	"AWS::EC2::VPC":                           "networks are Neutron's: OS::Neutron::Net",
	"AWS::EC2::VPCGatewayAttachment":          "networks are Neutron's: OS::Neutron::Router",
	"AWS::EC2::Volume":                        "volumes are Cinder's: OS::Cinder::Volume",
	"AWS::EC2::VolumeAttachment":              "volumes are Cinder's: OS::Cinder::VolumeAttachment",
	"AWS::ElasticLoadBalancing::LoadBalancer": "in Heat it is a server with HAProxy; Stoker::LoadBalancer and OS::Octavia are balanced by Stoker",
	"AWS::IAM::AccessKey":                     "users come from the configuration, not from templates",
	"AWS::IAM::User":                          "users come from the configuration, not from templates",
	"AWS::RDS::DBInstance":                    "in Heat it is a server of Fedora 17 with MySQL",
	"AWS::S3::Bucket":                         "there is no object store",
}

// TestNoHiddenGaps compares the list with what a server says of itself.
func TestNoHiddenGaps(t *testing.T) {
	cl := dial(t, start(t, config(t)).Server)
	all, err := cl.Types(t.Context(), "^(OS::Heat|OS::Aodh|OS::Ceilometer|AWS)::")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 27+8+25 {
		t.Errorf("%d types are listed, fewer than Heat has", len(all))
	}
	found := map[string]bool{}
	for _, typ := range all {
		if !strings.Contains(typ.Description, "known by its schema only") {
			continue
		}
		found[typ.Name] = true
		if gaps[typ.Name] == "" {
			t.Errorf("%s is known by its schema only, and no reason is given", typ.Name)
		}
	}
	for name := range gaps {
		if !found[name] {
			t.Errorf("%s is no gap any more: take it off the list", name)
		}
	}
}
