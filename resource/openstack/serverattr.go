package openstack

import (
	"context"
	"maps"
	"net/netip"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/value"
)

// dataOf is what the attributes need of a server.
func dataOf(s stoker.Server) map[string]any {
	addresses := make([]any, len(s.Addresses))
	for i, a := range s.Addresses {
		addresses[i] = map[string]any{"network": a.Network, "ip": a.IP, "mac": a.MAC}
	}
	notes := make([]any, len(s.Notes))
	for i, n := range s.Notes {
		notes[i] = n
	}
	data := map[string]any{
		"name": s.Name, "state": string(s.State), "port": int64(s.Port),
		"addresses": addresses, "notes": notes,
	}
	if s.Reason != "" {
		data["reason"] = s.Reason
	}
	return data
}

func stateOf(data map[string]any) stoker.ServerState {
	return stoker.ServerState(request.Values(data).String("state"))
}

func (s server) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	data := request.Values(req.Data)
	req = s.withFloating(req)
	switch name {
	case "name":
		return data.String("name"), 0, nil
	case "instance_name":
		return string(req.PhysicalID), 0, nil
	case "port":
		return int64(data.Int("port")), 0, nil
	case "first_address":
		return firstAddress(data, nil), 0, nil
	case "accessIPv4":
		return firstAddress(data, netip.Addr.Is4), 0, nil
	case "accessIPv6":
		return firstAddress(data, netip.Addr.Is6), 0, nil
	case "networks":
		return networks(req), 0, nil
	case "addresses":
		return addresses(req), 0, nil
	case "tags":
		return value.Clone(req.Properties["tags"]), 0, nil
	case "show":
		return show(req), 0, nil
	case "console_urls", "os_collect_config":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

// firstAddress gives the first address of a kind, "" if there is none.
func firstAddress(data request.Values, kind func(netip.Addr) bool) string {
	for _, a := range data.Maps("addresses") {
		ip := a.String("ip")
		if kind == nil {
			return ip
		}
		if addr, err := netip.ParseAddr(ip); err == nil && kind(addr) {
			return ip
		}
	}
	return ""
}

// networks lists the addresses by network.
func networks(req *stoker.Request) map[string]any {
	return byNetwork(req, func(a request.Values) any { return a.String("ip") })
}

// addresses lists them in Nova's form.
func addresses(req *stoker.Request) map[string]any {
	return byNetwork(req, func(a request.Values) any {
		ip, version := a.String("ip"), int64(4)
		if addr, err := netip.ParseAddr(ip); err == nil && addr.Is6() {
			version = 6
		}
		return map[string]any{
			"addr": ip, "version": version,
			"OS-EXT-IPS:type": kindOf(a), "OS-EXT-IPS-MAC:mac_addr": a.String("mac"),
			"port": orNil(a.String("port")), "subnets": nil, "network": nil,
		}
	})
}

func kindOf(address request.Values) string {
	if address.Bool("floating") {
		return "floating"
	}
	return "fixed"
}

// withFloating gives the request of a server whose addresses know their ports, and
// have the floating ones behind them.
func (s server) withFloating(req *stoker.Request) *stoker.Request {
	ports := request.Values(req.Data).Maps("ports")
	if s.networks == nil || len(ports) == 0 {
		return req
	}
	var all []any
	for _, a := range request.Values(req.Data).Maps("addresses") {
		a = maps.Clone(a)
		all = append(all, map[string]any(a))
		for _, p := range ports {
			if p.String("ip") != a.String("ip") {
				continue
			}
			a["port"], a["network_id"] = p.String("id"), p.String("network_id")
			for _, has := range s.OfPort(neutron.ID(p.String("id"))) {
				f := maps.Clone(a)
				f["ip"], f["floating"] = has.IP.String(), true
				all = append(all, map[string]any(f))
			}
		}
	}
	out := *req
	out.Data = maps.Clone(req.Data)
	out.Data["addresses"] = all
	return &out
}

// byNetwork groups addresses by the networks, by their names and, where they have one,
// by their IDs. Networks that the template asks for by name and the driver does not
// have show all the addresses, so that [server, networks, private, 0] is an address on
// every driver.
func byNetwork(req *stoker.Request, form func(request.Values) any) map[string]any {
	out := map[string]any{}
	all := []any{}
	for _, a := range request.Values(req.Data).Maps("addresses") {
		x := form(a)
		keys := []string{a.String("network")}
		if id := a.String("network_id"); id != "" {
			keys = append(keys, id)
		}
		for _, key := range keys {
			list, _ := out[key].([]any)
			out[key] = append(list, x)
		}
		all = append(all, x)
	}
	for _, n := range request.Values(req.Properties).Maps("networks") {
		for _, key := range []string{"network", "uuid"} {
			if name := n.String(key); name != "" && out[name] == nil {
				out[name] = value.Clone(all)
			}
		}
	}
	return out
}

// show looks like Nova's answer to a GET of the server.
func show(req *stoker.Request) map[string]any {
	data, v := request.Values(req.Data), request.Values(req.Properties)
	metadata, _ := metadataOf(v)
	shown := make(map[string]any, len(metadata))
	for k, text := range metadata {
		shown[k] = text
	}
	out := map[string]any{
		"id": string(req.PhysicalID), "name": data.String("name"), "status": data.String("state"),
		"tenant_id": string(req.Stack.Project), "metadata": shown, "addresses": addresses(req),
		"accessIPv4": firstAddress(data, netip.Addr.Is4), "accessIPv6": firstAddress(data, netip.Addr.Is6),
		"image": map[string]any{"id": v.String("image")}, "flavor": map[string]any{"id": v.String("flavor")},
	}
	maps.Copy(out, notes(data))
	return out
}

// notes are our own addition: what of the spec could not be applied.
func notes(data request.Values) map[string]any {
	if list := data.List("notes"); len(list) > 0 {
		return map[string]any{"notes": value.Clone(list)}
	}
	return nil
}
