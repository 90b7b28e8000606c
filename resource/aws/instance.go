package aws

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// instance is AWS::EC2::Instance, a server.
type instance struct {
	schema.Fixed
	server Server
}

var _ Server = instance{}

// nova are the server's properties.
func nova(v request.Values) map[string]any {
	metadata := map[string]any{}
	for _, t := range v.Maps("Tags") {
		metadata[t.String("Key")] = t.String("Value")
	}
	return map[string]any{
		"image": v.String("ImageId"), "flavor": v.String("InstanceType"),
		"user_data": v.String("UserData"), "user_data_format": "RAW", "user_data_update_policy": "REPLACE",
		"flavor_update_policy": "RESIZE", "image_update_policy": "REPLACE", "metadata": metadata,
	}
}

func (i instance) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	res, err := i.server.Create(ctx, as(req, nova))
	return res, instanceError(err)
}

func (i instance) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	res, err := i.server.Update(ctx, as(req, nova))
	return res, instanceError(err)
}

func (i instance) Delete(ctx context.Context, req *stoker.Request) error {
	return i.server.Delete(ctx, as(req, nova))
}

func (i instance) Await(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return i.server.Await(ctx, as(req, nova))
}

func (i instance) Check(ctx context.Context, req *stoker.Request) error {
	return i.server.Check(ctx, as(req, nova))
}

func (i instance) Watch(ctx context.Context, req *stoker.Request) error {
	return i.server.Watch(ctx, as(req, nova))
}

func (i instance) Sleep(ctx context.Context, req *stoker.Request) error {
	return i.server.Sleep(ctx, as(req, nova))
}

func (i instance) Wake(ctx context.Context, req *stoker.Request) error {
	return i.server.Wake(ctx, as(req, nova))
}

// Validate refuses what would be missed if it were ignored.
func (i instance) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	if err := unimplemented(v, "DisableApiTermination", "KernelId", "Monitoring", "PlacementGroupName",
		"PrivateIpAddress", "RamDiskId", "SourceDestCheck", "Tenancy"); err != nil {
		return err
	}
	if err := volumeless(v); err != nil {
		return err
	}
	return instanceError(i.server.Validate(as(req, nova)))
}

func volumeless(v request.Values) error {
	for _, name := range []string{"BlockDeviceMappings", "Volumes"} {
		if len(v.List(name)) > 0 {
			return refused(name, "servers have no volumes here", "Leave it out: the server's own disk goes with the server.")
		}
	}
	return nil
}

func instanceError(err error) error {
	return renamed(err, map[string]string{"image": "ImageId", "flavor": "InstanceType", "user_data": "UserData", "metadata": "Tags"})
}

// noAddress is what Heat shows of an instance without an address.
const noAddress = "0.0.0.0"

// Attribute gives the address for its names too, as Heat does.
func (i instance) Attribute(ctx context.Context, req *stoker.Request, name string, path []any) (any, int, error) {
	switch name {
	case "PublicIp", "PrivateIp", "PublicDnsName", "PrivateDnsName":
		v, _, err := i.server.Attribute(ctx, as(req, nova), "first_address", nil)
		if v == "" {
			v = noAddress
		}
		return v, 0, err
	case "AvailabilityZone":
		return req.Properties["AvailabilityZone"], 0, nil
	case "show":
		return i.server.Attribute(ctx, as(req, nova), name, path)
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}
