package openstack

import (
	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/heatschema"
	"github.com/stoker-project/stoker/internal/schema"
)

// The types of the first LBaaS are in no list of Heat's any more; it loads them still.

func oldPoolSchema() *stoker.Schema {
	words := octaviaCommon()
	return &stoker.Schema{
		Description: "A pool with an address to listen on. OS::Octavia::Pool is its newer form.", Hidden: true,
		Properties: map[string]*stoker.Property{
			"protocol":       {Type: stoker.TypeString, Required: true, Constraints: schema.OneOf("TCP", "HTTP", "HTTPS"), Description: "What is balanced; HTTPS is handed through."},
			"subnet":         {Type: stoker.TypeString, Constraints: schema.Custom("neutron.subnet"), Description: "The subnet of the members, and of the address."},
			"subnet_id":      {Type: stoker.TypeString, Hidden: true, Constraints: schema.Custom("neutron.subnet"), Description: words["subnet_id"]},
			"lb_method":      {Type: stoker.TypeString, Required: true, Update: true, Constraints: schema.OneOf("ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP"), Description: "Which member takes a request. SOURCE_IP is refused."},
			"name":           {Type: stoker.TypeString, Description: words["name"]},
			"description":    {Type: stoker.TypeString, Update: true, Description: words["description"]},
			"admin_state_up": {Type: stoker.TypeBoolean, Default: true, Update: true, Description: words["admin_state_up"]},
			"provider":       {Type: stoker.TypeString, Description: "Who provides it. Ignored."},
			"monitors":       {Type: stoker.TypeList, Default: []any{}, Update: true, Description: "The monitors, of which the first counts.", Items: &stoker.Property{Type: stoker.TypeString, Description: "A monitor."}},
			"vip":            {Type: stoker.TypeMap, Required: true, Description: "The address to listen on.", Fields: oldVIP(words)},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"admin_state_up": {Type: stoker.TypeString, Description: "Whether it is on."},
			"name":           {Type: stoker.TypeString, Description: "Its name."},
			"protocol":       {Type: stoker.TypeString, Description: "What is balanced."},
			"subnet_id":      {Type: stoker.TypeString, Description: "The subnet of the address."},
			"lb_method":      {Type: stoker.TypeString, Description: "The method."},
			"description":    {Type: stoker.TypeString, Description: "The description."},
			"tenant_id":      {Type: stoker.TypeString, Description: "The project."},
			"vip":            {Type: stoker.TypeMap, Description: "The address, in a map."},
			"provider":       {Type: stoker.TypeString, Description: "Who provides it."},
		}),
	}
}

func oldVIP(words heatschema.Texts) map[string]*stoker.Property {
	return map[string]*stoker.Property{
		"name":             {Type: stoker.TypeString, Description: words["name"]},
		"description":      {Type: stoker.TypeString, Description: words["description"]},
		"subnet":           {Type: stoker.TypeString, Constraints: schema.Custom("neutron.subnet"), Description: "Another subnet for the address."},
		"address":          {Type: stoker.TypeString, Constraints: schema.Custom("ip_addr"), Description: "The address to have."},
		"connection_limit": {Type: stoker.TypeInteger, Description: "How many connections there may be. Ignored."},
		"protocol_port":    {Type: stoker.TypeInteger, Required: true, Constraints: schema.Between(0, 65535), Description: "The port to listen on."},
		"admin_state_up":   {Type: stoker.TypeBoolean, Default: true, Description: "Whether it is on. Ignored."},
		"session_persistence": {Type: stoker.TypeMap, Description: "What binds clients to members.", Fields: map[string]*stoker.Property{
			"type":        {Type: stoker.TypeString, Required: true, Constraints: schema.OneOf("SOURCE_IP", "HTTP_COOKIE", "APP_COOKIE"), Description: "SOURCE_IP is refused."},
			"cookie_name": {Type: stoker.TypeString, Description: "The cookie's name, with APP_COOKIE."},
		}},
	}
}

func oldMemberSchema() *stoker.Schema {
	words := octaviaCommon()
	return &stoker.Schema{
		Description: "A server's place in a pool. OS::Octavia::PoolMember is its newer form.", Hidden: true,
		Properties: map[string]*stoker.Property{
			"pool_id":        {Type: stoker.TypeString, Required: true, Update: true, Description: words["pool"]},
			"address":        {Type: stoker.TypeString, Required: true, Constraints: schema.Custom("ip_addr"), Description: "The server's address."},
			"protocol_port":  {Type: stoker.TypeInteger, Required: true, Constraints: schema.Between(0, 65535), Description: "The server's port."},
			"weight":         {Type: stoker.TypeInteger, Update: true, Constraints: schema.Between(0, 256), Description: "The member's share of requests."},
			"admin_state_up": {Type: stoker.TypeBoolean, Default: true, Update: true, Description: words["admin_state_up"]},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"admin_state_up": {Type: stoker.TypeString, Description: "Whether it is on."},
			"tenant_id":      {Type: stoker.TypeString, Description: "The project."},
			"weight":         {Type: stoker.TypeString, Description: "The weight."},
			"address":        {Type: stoker.TypeString, Description: "The address."},
			"pool_id":        {Type: stoker.TypeString, Description: "The pool."},
			"protocol_port":  {Type: stoker.TypeString, Description: "The port."},
		}),
	}
}

func oldMonitorSchema(t heatschema.Table) *stoker.Schema {
	s := octaviaMonitorSchema(t)
	s.Description, s.Hidden = "How members are checked; pools name it. OS::Octavia::HealthMonitor is its newer form.", true
	delete(s.Properties, "pool")
	return s
}

func oldBalancerSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "Servers as the members of a pool.", Hidden: true,
		Properties: map[string]*stoker.Property{
			"pool_id":       {Type: stoker.TypeString, Required: true, Update: true, Description: "The pool, by name or ID."},
			"protocol_port": {Type: stoker.TypeInteger, Required: true, Constraints: schema.Between(0, 65535), Description: "The servers' port."},
			"members": {Type: stoker.TypeList, Update: true, Description: "The servers, by their IDs.",
				Items: &stoker.Property{Type: stoker.TypeString, Description: "A server."}},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"pool_id": {Type: stoker.TypeString, Description: "The pool."},
		}),
	}
}
