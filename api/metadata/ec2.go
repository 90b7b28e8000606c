package metadata

import (
	"encoding/hex"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/serverid"
)

// ec2Versions are those that Nova knows; the pages are the same in all.
var ec2Versions = []string{"1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01", "2009-04-04", "latest"}

func ec2(i stoker.Instance) node {
	n := folder(entry{name: "meta-data", node: ec2Metadata(i)})
	if i.UserData != "" {
		n.entries = append(n.entries, entry{name: "user-data", node: userData(i)})
	}
	n.slashes = true
	return n
}

// ec2Metadata has Nova's pages, and those of EC2 that tell of interfaces.
func ec2Metadata(i stoker.Instance) node {
	ip, mac := address(i)
	n := folder(
		entry{name: "ami-id", node: text("ami-" + short(i.Image))},
		entry{name: "ami-launch-index", node: text("0")},
		entry{name: "ami-manifest-path", node: text("FIXME")}, // what Nova says
		entry{name: "block-device-mapping", node: folder(
			entry{name: "ami", node: text("sda1")}, entry{name: "root", node: text("/dev/sda1")})},
		entry{name: "hostname", node: text(hostname(i))},
		entry{name: "instance-action", node: text("none")},
		entry{name: "instance-id", node: text("i-" + short(serverid.UUID(i.Token)))},
		entry{name: "instance-type", node: text(i.Flavor)},
		entry{name: "local-hostname", node: text(hostname(i))},
		entry{name: "local-ipv4", node: text(ip)},
		entry{name: "mac", node: text(mac)},
		entry{name: "network", node: interfaces(i)},
		entry{name: "placement", node: folder(entry{name: "availability-zone", node: text(zone)})},
		entry{name: "public-hostname", node: text(hostname(i))},
		entry{name: "public-ipv4", node: text("")},
	)
	if len(i.Keys) > 0 {
		n.entries = append(n.entries, entry{name: "public-keys", node: publicKeys(i)})
	}
	n.entries = append(n.entries,
		entry{name: "reservation-id", node: text("r-" + short("r"+serverid.UUID(i.Token)))},
		entry{name: "security-groups", node: text("default")})
	return slashed(n)
}

// slashed makes all lists below those of EC2.
func slashed(n node) node {
	n.slashes = true
	for k := range n.entries {
		n.entries[k].node = slashed(n.entries[k].node)
	}
	return n
}

// publicKeys lists keys by number and name: 0=name.
func publicKeys(i stoker.Instance) node {
	n := folder()
	for k, name := range slices.Sorted(maps.Keys(i.Keys)) {
		number := strconv.Itoa(k)
		n.entries = append(n.entries, entry{name: number, shown: number + "=" + name,
			node: folder(entry{name: "openssh-key", node: text(strings.TrimSpace(i.Keys[name]) + "\n")})})
	}
	return n
}

func interfaces(i stoker.Instance) node {
	macs := folder()
	for n, a := range i.Addresses {
		if a.MAC != "" {
			macs.entries = append(macs.entries, entry{name: a.MAC, node: folder(
				entry{name: "device-number", node: text(strconv.Itoa(n))},
				entry{name: "local-ipv4s", node: text(a.IP)},
				entry{name: "mac", node: text(a.MAC)})})
		}
	}
	return folder(entry{name: "interfaces", node: folder(entry{name: "macs", node: macs})})
}

// address is the first IPv4 address, with its MAC.
func address(i stoker.Instance) (ip, mac string) {
	for _, a := range i.Addresses {
		if p, err := netip.ParseAddr(a.IP); err == nil && p.Is4() {
			return a.IP, a.MAC
		}
	}
	return "", ""
}

// short is a number of eight digits for a text, as EC2's IDs have.
func short(of string) string {
	h := fnv.New32a()
	h.Write([]byte(of))
	return hex.EncodeToString(h.Sum(nil))
}
