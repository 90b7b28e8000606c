package openstack

import (
	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/schema"
)

func serverSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "A server, made by the configured driver: a process, a container or a virtual machine.",
		Properties:  properties(),
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"name":              {Type: stoker.TypeString, Description: "The server's name."},
			"first_address":     {Type: stoker.TypeString, Description: "The address to reach the server by; empty while it has none."},
			"port":              {Type: stoker.TypeInteger, Description: "The port on which its application listens. Stoker's own, Nova has none."},
			"networks":          {Type: stoker.TypeMap, Description: "The addresses by network: [server, networks, private, 0]. A network that the driver does not have shows all addresses."},
			"addresses":         {Type: stoker.TypeMap, Description: "The same in Nova's form: maps with addr, version and MAC address."},
			"accessIPv4":        {Type: stoker.TypeString, Description: "The first IPv4 address, or empty."},
			"accessIPv6":        {Type: stoker.TypeString, Description: "The first IPv6 address, or empty."},
			"instance_name":     {Type: stoker.TypeString, Description: "What the driver calls the server."},
			"tags":              {Type: stoker.TypeList, Description: "The tags of the property of that name."},
			"console_urls":      {Type: stoker.TypeMap, Description: "Null: there are no consoles."},
			"os_collect_config": {Type: stoker.TypeMap, Description: "Null: there is no agent to configure."},
		}),
	}
}

// properties are Nova's, all of them.
func properties() map[string]*stoker.Property {
	out := map[string]*stoker.Property{
		"name": {Type: stoker.TypeString, Update: true,
			Description: "The server's name; by default stack, resource and a short ID. A change makes a new server."},
		"image": {Type: stoker.TypeString, Update: true, Constraints: schema.Custom("glance.image"),
			Description: "What the server runs, by the driver's name for it. A change makes a new server."},
		"image_update_policy": {Type: stoker.TypeString, Default: "REBUILD", Update: true,
			Constraints: schema.OneOf("REBUILD", "REPLACE", "REBUILD_PRESERVE_EPHEMERAL"),
			Description: "Every choice makes a new server, which joins before the old one leaves."},
		"flavor": {Type: stoker.TypeString, Update: true, Constraints: schema.Custom("nova.flavor"),
			Description: "The server's size, by name; without one it has no limits. Required by Nova, not here."},
		"flavor_update_policy": {Type: stoker.TypeString, Default: "RESIZE", Update: true, Constraints: schema.OneOf("RESIZE", "REPLACE"),
			Description: "RESIZE changes the size of the running server where the driver can; REPLACE makes a new one."},
		"metadata": {Type: stoker.TypeMap, Default: map[string]any{}, Update: true,
			Description: "Keys and values for the server; values that are not strings become JSON. Drivers of processes and containers show them as environment variables. Changed in place where the driver can."},
		"user_data": {Type: stoker.TypeString, Default: "", Update: true,
			Description: "A script or other data for the server's first start, handed over unchanged. The reference of a software configuration stands for its text."},
		"user_data_update_policy": {Type: stoker.TypeString, Default: "REPLACE", Update: true, Constraints: schema.OneOf("REPLACE", "IGNORE", "REBUILD"),
			Description: "IGNORE leaves the server as it is when user_data changes; the others make a new server."},
		"user_data_format": {Type: stoker.TypeString, Default: "HEAT_CFNTOOLS", Constraints: schema.OneOf("HEAT_CFNTOOLS", "RAW", "SOFTWARE_CONFIG"),
			Description: "RAW and HEAT_CFNTOOLS hand user_data over as it is; SOFTWARE_CONFIG is refused."},
		"tags": {Type: stoker.TypeList, Update: true, Description: "Tags, for people and the attribute of that name.",
			Items: &stoker.Property{Type: stoker.TypeString, Description: "A tag."}},
		"networks": {Type: stoker.TypeList, Update: true, Items: networkItem(),
			Description: "The networks to be on. Drivers here have one network; the names are understood by the attributes networks and addresses, the rest is ignored."},
	}
	for name, p := range ignored() {
		out[name] = p
	}
	for name, p := range refusedProperties() {
		out[name] = p
	}
	return out
}

// ignored are properties that mean nothing to our drivers and do no harm.
func ignored() map[string]*stoker.Property {
	return map[string]*stoker.Property{
		"admin_pass":        {Type: stoker.TypeString, Update: true, Secret: true, Description: "The administrator's password. Ignored."},
		"admin_user":        {Type: stoker.TypeString, Hidden: true, Description: "The administrator's name. Ignored."},
		"availability_zone": {Type: stoker.TypeString, Description: "The zone to be in. Ignored."},
		"config_drive":      {Type: stoker.TypeBoolean, Description: "Whether the metadata is on a disk. Ignored."},
		"deployment_swift_data": {Type: stoker.TypeMap, Default: map[string]any{}, Update: true, Description: "Where software deployments are kept. Ignored.",
			Fields: map[string]*stoker.Property{
				"container": {Type: stoker.TypeString, Constraints: schema.LongAtLeast(1), Description: "A container of Swift."},
				"object":    {Type: stoker.TypeString, Constraints: schema.LongAtLeast(1), Description: "An object in it."},
			}},
		"diskConfig": {Type: stoker.TypeString, Constraints: schema.OneOf("AUTO", "MANUAL"), Description: "How the disk is divided. Ignored."},
		"key_name": {Type: stoker.TypeString, Constraints: schema.Custom("nova.keypair"),
			Description: "A key of SSH for the server, by name: an OS::Nova::KeyPair of the project, or one of keys in the configuration. An unknown name is refused where the configuration has keys, and otherwise told of in the server's notes. Drivers that do not log in ignore it."},
		"reservation_id":  {Type: stoker.TypeString, Description: "A reservation's ID. Ignored."},
		"scheduler_hints": {Type: stoker.TypeMap, Description: "Hints on where to place the server. group makes it a member of an OS::Nova::ServerGroup; `stoker_wait: user_data` waits until the user data has been run, and fails with it; all others are ignored."},
		"security_groups": {Type: stoker.TypeList, Default: []any{}, Description: "Security groups. Ignored: the driver decides who reaches the server."},
		"software_config_transport": {Type: stoker.TypeString, Default: "POLL_SERVER_CFN", Update: true,
			Constraints: schema.OneOf("POLL_SERVER_CFN", "POLL_SERVER_HEAT", "POLL_TEMP_URL", "ZAQAR_MESSAGE"),
			Description: "How software deployments reach the server. Ignored."},
	}
}

// refusedProperties are those whose meaning cannot be left out; Validate
// refuses them unless they are empty.
func refusedProperties() map[string]*stoker.Property {
	return map[string]*stoker.Property{
		"personality": {Type: stoker.TypeMap, Default: map[string]any{}, Description: "Files to put into the server. Refused unless empty."},
		"block_device_mapping": {Type: stoker.TypeList, Description: "Volumes that are attached when the server has been started. Other sources than volume_id are refused, and so is all where the driver has no volumes.",
			Items: &stoker.Property{Type: stoker.TypeMap, Description: "A volume.", Fields: map[string]*stoker.Property{
				"device_name":           {Type: stoker.TypeString, Required: true, Description: "The device's name in the server."},
				"delete_on_termination": {Type: stoker.TypeBoolean, Description: "Whether the volume is deleted with the server."},
				"snapshot_id":           {Type: stoker.TypeString, Constraints: schema.Custom("cinder.snapshot"), Description: "The snapshot to make it from. Refused."},
				"volume_id":             {Type: stoker.TypeString, Constraints: schema.Custom("cinder.volume"), Description: "The volume."},
				"volume_size":           {Type: stoker.TypeInteger, Description: "Its size in GB."},
			}}},
		"block_device_mapping_v2": {Type: stoker.TypeList, Description: "Volumes that are attached when the server has been started. Other sources than volume_id are refused, and so is all where the driver has no volumes.",
			Items: &stoker.Property{Type: stoker.TypeMap, Description: "A volume.", Fields: blockDeviceV2()}},
	}
}

func blockDeviceV2() map[string]*stoker.Property {
	return map[string]*stoker.Property{
		"boot_index":            {Type: stoker.TypeInteger, Description: "Its place in the order of booting. Only -1, none, is taken."},
		"delete_on_termination": {Type: stoker.TypeBoolean, Description: "Whether the volume is deleted with the server."},
		"device_name":           {Type: stoker.TypeString, Description: "The device's name in the server."},
		"device_type":           {Type: stoker.TypeString, Constraints: schema.OneOf("cdrom", "disk"), Description: "What it looks like."},
		"disk_bus": {Type: stoker.TypeString, Constraints: schema.OneOf("ide", "lame_bus", "sata", "scsi", "usb", "virtio"),
			Description: "How it is attached."},
		"ephemeral_format": {Type: stoker.TypeString, Constraints: schema.OneOf("ext2", "ext3", "ext4", "xfs", "ntfs"),
			Description: "The file system of a disk that goes with the server. Refused."},
		"ephemeral_size": {Type: stoker.TypeInteger, Constraints: schema.AtLeast(1), Description: "Its size in GB. Refused."},
		"image":          {Type: stoker.TypeString, Constraints: schema.Custom("glance.image"), Description: "The image to make it from. Refused."},
		"image_id":       {Type: stoker.TypeString, Hidden: true, Constraints: schema.Custom("glance.image"), Description: "The old name of image."},
		"snapshot_id":    {Type: stoker.TypeString, Constraints: schema.Custom("cinder.snapshot"), Description: "The snapshot to make it from. Refused."},
		"swap_size":      {Type: stoker.TypeInteger, Description: "The size of a swap disk in MB. Refused."},
		"volume_id":      {Type: stoker.TypeString, Constraints: schema.Custom("cinder.volume"), Description: "The volume."},
		"volume_size":    {Type: stoker.TypeInteger, Description: "Its size in GB."},
		"volume_type":    {Type: stoker.TypeString, Constraints: schema.Custom("cinder.vtype"), Description: "Its kind."},
	}
}

func networkItem() *stoker.Property {
	return &stoker.Property{Type: stoker.TypeMap, Description: "A network.", Fields: map[string]*stoker.Property{
		"network":          {Type: stoker.TypeString, Constraints: schema.Custom("neutron.network"), Description: "The network's name or ID."},
		"uuid":             {Type: stoker.TypeString, Hidden: true, Constraints: schema.Custom("neutron.network"), Description: "The old name of network."},
		"allocate_network": {Type: stoker.TypeString, Update: true, Constraints: schema.OneOf("none", "auto"), Description: "Whether Nova makes a network."},
		"fixed_ip":         {Type: stoker.TypeString, Constraints: schema.Custom("ip_addr"), Description: "The address to have."},
		"floating_ip":      {Type: stoker.TypeString, Description: "A floating address to have."},
		"port":             {Type: stoker.TypeString, Constraints: schema.Custom("neutron.port"), Description: "A port of Neutron to use."},
		"subnet":           {Type: stoker.TypeString, Description: "The subnet to be on."},
		"tag":              {Type: stoker.TypeString, Description: "A tag of the interface."},
		"port_extra_properties": {Type: stoker.TypeMap, Update: true, Description: "More about the port that is made.",
			Fields: portExtra()},
	}}
}

func portExtra() map[string]*stoker.Property {
	return map[string]*stoker.Property{
		"admin_state_up": {Type: stoker.TypeBoolean, Default: true, Update: true, Description: "Whether the port is on."},
		"allowed_address_pairs": {Type: stoker.TypeList, Update: true, Description: "More addresses that may pass.",
			Items: &stoker.Property{Type: stoker.TypeMap, Description: "A pair.", Fields: map[string]*stoker.Property{
				"ip_address":  {Type: stoker.TypeString, Required: true, Constraints: schema.Custom("ip_or_cidr"), Description: "An address."},
				"mac_address": {Type: stoker.TypeString, Constraints: schema.Custom("mac_addr"), Description: "A MAC address."},
			}}},
		"binding:vnic_type": {Type: stoker.TypeString, Default: "normal", Update: true,
			Constraints: schema.OneOf("normal", "direct", "macvtap", "direct-physical", "baremetal", "virtio-forwarder", "smart-nic"),
			Description: "The kind of interface."},
		"mac_address":             {Type: stoker.TypeString, Constraints: schema.Custom("mac_addr"), Description: "The MAC address to have."},
		"no_fixed_ips":            {Type: stoker.TypeBoolean, Default: false, Update: true, Description: "Whether the port has no address."},
		"port_security_enabled":   {Type: stoker.TypeBoolean, Update: true, Description: "Whether others' addresses are kept out."},
		"propagate_uplink_status": {Type: stoker.TypeBoolean, Update: true, Description: "Whether the link's state is handed on."},
		"qos_policy":              {Type: stoker.TypeString, Update: true, Constraints: schema.Custom("neutron.qos_policy"), Description: "A policy of Neutron."},
		"value_specs":             {Type: stoker.TypeMap, Default: map[string]any{}, Update: true, Description: "More values for Neutron."},
	}
}
