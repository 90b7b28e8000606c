package aws

import (
	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/schema"
)

// text is a property that is a text.
func text(description string, constraints ...stoker.Constraint) *stoker.Property {
	return &stoker.Property{Type: stoker.TypeString, Description: description, Constraints: constraints}
}

func inPlace(p *stoker.Property) *stoker.Property {
	p.Update = true
	return p
}

func required(p *stoker.Property) *stoker.Property {
	p.Required = true
	return p
}

// unlisted are properties that Heat lists only.
const unlisted = "Not implemented, refused if given."

func instanceSchema() *stoker.Schema {
	properties := machineProperties()
	for name, p := range map[string]*stoker.Property{
		"ImageId":            required(text("What the instance runs, by the driver's name for it. A change makes a new one.", schema.Custom("glance.image")...)),
		"InstanceType":       required(inPlace(text("The instance's size: a flavor, by name. Changed in place where the driver can.", schema.Custom("nova.flavor")...))),
		"AvailabilityZone":   text("The zone to be in. Ignored, but for the attribute of that name."),
		"Tags":               inPlace(tags("Metadata of the instance. Drivers of processes and containers show it as environment variables.")),
		"NetworkInterfaces":  {Type: stoker.TypeList, Update: true, Description: "Interfaces to have. Ignored."},
		"SubnetId":           inPlace(text("The subnet to be on. Ignored.")),
		"SecurityGroupIds":   {Type: stoker.TypeList, Description: "Security groups. Ignored: the driver decides who reaches the instance."},
		"Volumes":            {Type: stoker.TypeList, Default: []any{}, Items: volume(), Description: "Volumes to attach. Refused unless empty."},
		"Monitoring":         {Type: stoker.TypeBoolean, Description: unlisted},
		"SourceDestCheck":    {Type: stoker.TypeBoolean, Description: unlisted},
		"PlacementGroupName": text(unlisted), "PrivateIpAddress": text(unlisted), "DisableApiTermination": text(unlisted),
		"Tenancy": text(unlisted, schema.OneOf("dedicated", "default")...),
	} {
		properties[name] = p
	}
	return &stoker.Schema{
		Description: "A server, made by the configured driver: OS::Nova::Server with the names of AWS.",
		Properties:  properties,
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"AvailabilityZone": {Type: stoker.TypeString, Description: "The zone that was asked for."},
			"PrivateDnsName":   {Type: stoker.TypeString, Description: "The address of the instance."},
			"PrivateIp":        {Type: stoker.TypeString, Description: "The address of the instance; 0.0.0.0 while it has none."},
			"PublicDnsName":    {Type: stoker.TypeString, Description: "The address of the instance."},
			"PublicIp":         {Type: stoker.TypeString, Description: "The address of the instance; 0.0.0.0 while it has none."},
		}),
	}
}

// machineProperties are common to instances and launch configurations.
func machineProperties() map[string]*stoker.Property {
	return map[string]*stoker.Property{
		"KeyName":  text("The SSH key to put into the instance. Ignored.", schema.Custom("nova.keypair")...),
		"UserData": text("A script or other data for the instance's first start, handed over unchanged."),
		"NovaSchedulerHints": {Type: stoker.TypeList, Description: "Hints on where to place the instance. Ignored.",
			Items: pair("A hint.")},
		"SecurityGroups": {Type: stoker.TypeList, Description: "Security groups. Ignored: the driver decides who reaches the instance."},
		"BlockDeviceMappings": {Type: stoker.TypeList, Description: "Volumes of the instance. Refused unless empty.",
			Items: blockDevice()},
		"KernelId": text(unlisted), "RamDiskId": text(unlisted),
	}
}

func tags(description string) *stoker.Property {
	return &stoker.Property{Type: stoker.TypeList, Description: description, Items: pair("A tag.")}
}

func pair(description string) *stoker.Property {
	return &stoker.Property{Type: stoker.TypeMap, Description: description, Fields: map[string]*stoker.Property{
		"Key": required(text("Its name.")), "Value": required(text("Its value.")),
	}}
}

func volume() *stoker.Property {
	return &stoker.Property{Type: stoker.TypeMap, Description: "A volume.", Fields: map[string]*stoker.Property{
		"Device":   required(text("The device's name in the instance.")),
		"VolumeId": required(text("The volume.", schema.Custom("cinder.volume")...)),
	}}
}

func blockDevice() *stoker.Property {
	return &stoker.Property{Type: stoker.TypeMap, Description: "A volume.", Fields: map[string]*stoker.Property{
		"DeviceName":  required(text("The device's name in the instance.")),
		"NoDevice":    {Type: stoker.TypeMap, Description: unlisted},
		"VirtualName": text(unlisted),
		"Ebs": {Type: stoker.TypeMap, Description: "What the volume is made from.", Fields: map[string]*stoker.Property{
			"DeleteOnTermination": {Type: stoker.TypeBoolean, Default: true, Description: "Whether it goes with the instance."},
			"Iops":                {Type: stoker.TypeNumber, Description: unlisted},
			"SnapshotId":          text("The snapshot to make it from.", schema.Custom("cinder.snapshot")...),
			"VolumeSize":          text("Its size in GB."),
			"VolumeType":          text(unlisted),
		}},
	}}
}
