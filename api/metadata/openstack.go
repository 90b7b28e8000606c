package metadata

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/serverid"
)

// openstackVersions are Nova's, the newest last.
var openstackVersions = []string{"2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06",
	"2017-02-22", "2018-08-27", "2020-10-14", "latest"}

// zone is where all servers are: there is one machine.
const zone = "nova"

func openstack(i stoker.Instance) node {
	pages := folder(entry{name: "meta_data.json", node: page(metaData(i))})
	if i.UserData != "" {
		pages.entries = append(pages.entries, entry{name: "user_data", node: userData(i)})
	}
	pages.entries = append(pages.entries,
		entry{name: "vendor_data.json", node: page(map[string]any{})},
		entry{name: "network_data.json", node: page(networkData(i))},
		entry{name: "vendor_data2.json", node: page(map[string]any{})})
	n := folder()
	for _, version := range openstackVersions {
		n.entries = append(n.entries, entry{name: version, node: pages})
	}
	return n
}

func userData(i stoker.Instance) node {
	return node{body: []byte(i.UserData), kind: "application/octet-stream", leaf: true}
}

// page is a JSON document. Values here always have a JSON form.
func page(v any) node {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return node{body: body, kind: "application/json", leaf: true}
}

type metaDataJSON struct {
	UUID             string            `json:"uuid"`
	Meta             map[string]string `json:"meta,omitempty"`
	PublicKeys       map[string]string `json:"public_keys,omitempty"`
	Keys             []keyJSON         `json:"keys,omitempty"`
	Hostname         string            `json:"hostname"`
	Name             string            `json:"name"`
	LaunchIndex      int               `json:"launch_index"`
	AvailabilityZone string            `json:"availability_zone"`
	RandomSeed       []byte            `json:"random_seed"` // base64
	ProjectID        string            `json:"project_id"`
	Devices          []any             `json:"devices"`
	DedicatedCPUs    []any             `json:"dedicated_cpus"`
}

type keyJSON struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Data string `json:"data"`
}

// metaData is meta_data.json. Each answer has a seed of its own.
func metaData(i stoker.Instance) metaDataJSON {
	seed := make([]byte, 512)
	_, _ = rand.Read(seed) // never fails
	m := metaDataJSON{
		UUID: serverid.UUID(i.Token), Meta: i.Metadata, PublicKeys: i.Keys, Hostname: hostname(i), Name: i.Name,
		AvailabilityZone: zone, RandomSeed: seed, ProjectID: string(i.Project), Devices: []any{}, DedicatedCPUs: []any{},
	}
	for _, name := range slices.Sorted(maps.Keys(i.Keys)) {
		m.Keys = append(m.Keys, keyJSON{Name: name, Type: "ssh", Data: i.Keys[name]})
	}
	return m
}

func hostname(i stoker.Instance) string {
	if h := serverid.Hostname(i.Name); h != "" {
		return h
	}
	return "server"
}

// networkData is network_data.json: an interface for each address. Masks and routes
// are not known here; the driver has set them.
func networkData(i stoker.Instance) map[string]any {
	links, networks := []any{}, []any{}
	for n, a := range i.Addresses {
		ip, err := netip.ParseAddr(a.IP)
		if err != nil {
			continue
		}
		kind := "ipv4"
		if ip.Is6() {
			kind = "ipv6"
		}
		link := fmt.Sprintf("tap%d", n)
		links = append(links, map[string]any{"id": link, "vif_id": link, "type": "bridge", "mtu": nil, "ethernet_mac_address": a.MAC})
		networks = append(networks, map[string]any{
			"id": fmt.Sprintf("network%d", n), "type": kind, "link": link, "ip_address": a.IP, "network_id": a.Network, "routes": []any{}, "services": []any{},
		})
	}
	return map[string]any{"links": links, "networks": networks, "services": []any{}}
}
