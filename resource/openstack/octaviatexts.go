package openstack

import (
	"maps"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/heatschema"
)

// octaviaCommon describes what means the same in many types of Octavia.
func octaviaCommon() heatschema.Texts {
	out := commonTexts()
	maps.Copy(out, heatschema.Texts{
		"admin_state_up": "Whether it is on.",
		"pool":           "The pool, by name or ID.",
		"loadbalancer":   "The load balancer, by name or ID.",
	})
	return out
}

func octaviaLoadBalancerSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Octavia::LoadBalancer", "An address that listeners listen on. The configured balancer does the work.", heatschema.Texts{
		"availability_zone":       "The zone, by name or ID.",
		"flavor":                  "The flavor, by name or ID.",
		"provider":                "Who provides it. Ignored: the configured balancer does.",
		"vip_address":             "The address to have; by default any of the subnet.",
		"vip_subnet":              "The subnet that the address is of. Where the driver cannot give the machine an address in it, the address is one of the external network.",
		"attribute:flavor_id":     "The flavor's ID; null if there is none.",
		"attribute:pools":         "The pools, in maps of id.",
		"attribute:vip_address":   "The address.",
		"attribute:vip_port_id":   "The address's port, for a floating address.",
		"attribute:vip_subnet_id": "The subnet that the address is of.",
	}, octaviaCommon())
}

func octaviaListenerSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Octavia::Listener", "A port of a load balancer.", heatschema.Texts{
		"allowed_cidrs":             "Who may connect. Refused unless empty.",
		"connection_limit":          "How many connections there may be. Ignored.",
		"default_pool":              "The pool that takes the requests; or the pool names the listener.",
		"default_tls_container_ref": "With TERMINATED_HTTPS: the certificate, its chain and its key in PEM, as there is no Barbican; without it a certificate is made.",
		"protocol":                  "HTTP, TERMINATED_HTTPS (TLS ends here), TCP or HTTPS (handed through). Others are refused.",
		"protocol_port":             "The port to listen on.",
		"sni_container_refs":        "More certificates. Refused unless empty.",
		"attribute:default_pool_id": "The pool's ID; null if there is none.",
		"attribute:loadbalancers":   "The load balancer, in maps of id.",
	}, octaviaCommon())
}

func octaviaPoolSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Octavia::Pool", "The members behind listeners. The balancer has it as soon as it has a listener.", heatschema.Texts{
		"lb_algorithm":                    "ROUND_ROBIN or LEAST_CONNECTIONS. The others are refused.",
		"listener":                        "The listener, by name or ID; or the listener names the pool.",
		"protocol":                        "What members speak: HTTP; TCP or HTTPS are handed through. Others are refused.",
		"session_persistence":             "What binds clients to members, in pools of HTTP.",
		"session_persistence.type":        "HTTP_COOKIE or APP_COOKIE: a cookie of the balancer's. SOURCE_IP is refused.",
		"session_persistence.cookie_name": "With APP_COOKIE: the balancer's cookie is SRV- and this name.",
		"tls_enabled":                     "Whether members are reached by TLS. Refused.",
		"attribute:healthmonitor_id":      "The monitor's ID; null if there is none.",
		"attribute:listeners":             "The listeners, in maps of id.",
		"attribute:members":               "The members, in maps of id.",
	}, octaviaCommon())
}

func octaviaMemberSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Octavia::PoolMember", "A server's place in a pool. It is complete when it has passed a health check, at the latest after a minute; it is deleted by letting what it has in flight end.", heatschema.Texts{
		"address":         "The server's address.",
		"monitor_address": "Another address to check. Refused.",
		"monitor_port":    "Another port to check. Refused.",
		"protocol_port":   "The server's port.",
		"subnet":          "The server's subnet. Ignored.",
		"weight":          "The member's share of requests beside the others'; with 0 it gets nothing new.",
	}, octaviaCommon())
}

func octaviaMonitorSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Octavia::HealthMonitor", "How the members of a pool are asked whether they can take requests. Members are made after it.", heatschema.Texts{
		"delay":           "The time from one check to the next, in seconds.",
		"expected_codes":  "The statuses that are healthy: 200, 200,202 or 200-204; by default 200.",
		"http_method":     "GET; others are refused.",
		"max_retries":     "How many good answers bring a member back. Three bad ones take it out.",
		"timeout":         "How long an answer may take, in seconds.",
		"type":            "HTTP asks for url_path; TCP, PING and HTTPS connect. UDP-CONNECT is refused.",
		"url_path":        "What is asked for; by default /.",
		"attribute:pools": "The pool, in maps of id.",
	}, octaviaCommon())
}

func octaviaPolicySchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Octavia::L7Policy", "What becomes of a listener's requests that all of its rules match. Policies that reject come first, then those that redirect to a URL, then those that lead to a pool.", heatschema.Texts{
		"action":          "REJECT answers 403, REDIRECT_TO_URL 302; REDIRECT_TO_POOL lets another pool answer.",
		"listener":        "The listener, of HTTP or TERMINATED_HTTPS, by name or ID.",
		"position":        "The place among the listener's policies of the same action; by default after all there are.",
		"redirect_pool":   "With REDIRECT_TO_POOL: the pool, of HTTP, by name or ID. It needs no listener.",
		"redirect_url":    "With REDIRECT_TO_URL: an address of http or https.",
		"attribute:rules": "The rules, in maps of id.",
	}, octaviaCommon())
}

func octaviaRuleSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Octavia::L7Rule", "A question about a request, for a policy. A policy without rules matches nothing.", heatschema.Texts{
		"compare_type": "How to compare. REGEX finds an expression of RE2 anywhere.",
		"invert":       "Whether to match what does not compare.",
		"key":          "With HEADER and COOKIE: the name, of letters, digits and . _ -; ignored otherwise.",
		"l7policy":     "The policy, by name or ID.",
		"type":         "What is looked at: HOST_NAME without its port; PATH without query and percent-encoding; FILE_TYPE, what follows the path's last dot; HEADER, each line as a whole; COOKIE.",
		"value":        "What to compare with.",
	}, octaviaCommon())
}

func octaviaFlavorProfileSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Octavia::FlavorProfile", "What flavors of load balancers stand for. For administrators.", heatschema.Texts{
		"flavor_data":   "A JSON object. Of the provider stoker: retries of a request on other members, from 0 to 10, by default 2; queue_timeout, the seconds that a request waits while no member is up, by default 5; drain_timeout, the seconds that a member which leaves has for what is in flight, by default 30. A change counts at once, for all load balancers of the profile's flavors.",
		"provider_name": "Whose the data is: stoker, by default. That of amphora, amphorav2, octavia and ovn is taken, and asks for nothing.",
	}, octaviaCommon())
}

func octaviaFlavorSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Octavia::Flavor", "A kind of load balancers, which all projects can name. For administrators.", heatschema.Texts{
		"enabled":                     "Whether new load balancers can name it.",
		"flavor_profile":              "What it stands for, by name or ID.",
		"attribute:flavor_profile_id": "The ID of what it stands for.",
	}, octaviaCommon())
}

func octaviaZoneProfileSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Octavia::AvailabilityZoneProfile", "What availability zones of load balancers stand for. For administrators.", heatschema.Texts{
		"availability_zone_data": "A JSON object. Of the provider stoker: valid_vip_networks, a list of IDs of networks that addresses must be in; compute_zone, volume_zone and management_network are taken, and mean nothing on one machine.",
		"provider_name":          "Whose the data is: stoker, by default. That of amphora, amphorav2, octavia and ovn is taken, and asks for nothing.",
	}, octaviaCommon())
}

func octaviaZoneSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Octavia::AvailabilityZone", "A zone for load balancers, which all projects can name. For administrators.", heatschema.Texts{
		"enabled":                                "Whether new load balancers can name it.",
		"availability_zone_profile":              "What it stands for, by name or ID.",
		"attribute:availability_zone_profile_id": "The ID of what it stands for.",
	}, octaviaCommon())
}

func octaviaQuotaSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Octavia::Quota", "How many load balancers, and objects that belong to them, a project may have. What it has stays. Of several quotas of a project the smallest counts. For administrators.", heatschema.Texts{
		"project":       "The project, by name or ID.",
		"loadbalancer":  "How many load balancers; -1: any number.",
		"listener":      "How many listeners; -1: any number.",
		"pool":          "How many pools; -1: any number.",
		"member":        "How many members; -1: any number.",
		"healthmonitor": "How many health monitors; -1: any number.",
	}, octaviaCommon())
}
