package stoker

import (
	"context"
	"net/netip"
)

type (
	// NetworkToken names a network to its driver; chosen by the caller before the
	// network is made.
	NetworkToken string
	// VolumeToken names a volume to its driver, in the same way.
	VolumeToken string
)

// NetworkSpec is a network as wanted: one subnet, whose addresses the caller deals
// out.
type NetworkSpec struct {
	Token   NetworkToken
	Name    string // for people; need not be unique
	Project ProjectID
	Prefix  netip.Prefix
	// Gateway is the machine's own address in it, and the way out of it. It must be
	// in Prefix.
	Gateway netip.Addr
}

// Reach says whom the servers of a network can reach beyond their own network, and be
// reached by.
type Reach struct {
	Networks []NetworkToken
	Outside  bool // whatever is beyond the machine
}

// Networker makes networks for servers: an optional ability of a driver. All
// methods may be called concurrently, and asking twice is harmless.
type Networker interface {
	// CreateNetwork makes a network, or finds the one of that token. At first it
	// reaches nothing else. Errors: Invalid, Conflict where the prefix overlaps
	// another network's, Unavailable.
	CreateNetwork(ctx context.Context, spec NetworkSpec) error
	// DestroyNetwork returns nil only when nothing is left, also when there never was
	// anything; Conflict while servers are in it.
	DestroyNetwork(ctx context.Context, token NetworkToken) error
	// RouteNetwork replaces what a network reaches. Networks reach each other when
	// both name the other. NotFound: no such network.
	RouteNetwork(ctx context.Context, token NetworkToken, r Reach) error
}

// NetworkHost gives the machine further addresses in a network, for a load balancer
// to listen on: an optional ability beside Networker.
type NetworkHost interface {
	// AddHostAddress gives the machine the address; NotFound: no such network.
	AddHostAddress(ctx context.Context, token NetworkToken, ip netip.Addr) error
	// RemoveHostAddress takes it away; nil when it was not there.
	RemoveHostAddress(ctx context.Context, token NetworkToken, ip netip.Addr) error
}

// ServerPort is a server's place in a network.
type ServerPort struct {
	Network NetworkToken
	Name    string // the network's, for Server.Addresses
	IP      netip.Addr
	MAC     string  // empty: the driver chooses
	Filter  *Filter // nil: everything passes
}

// Filter says what passes between a server's port and others; what answers passes
// too. The machine itself, and so its balancer, may always connect to the server.
type Filter struct {
	Ingress []FilterRule // what others may send; nothing else passes
	Egress  []FilterRule // what the server may send
}

// FilterRule lets something pass.
type FilterRule struct {
	// Protocol is tcp, udp, icmp, icmpv6 or the number of another one; empty: any.
	Protocol string
	// Min and Max are the ports; with icmp the type and the code. nil: any.
	Min, Max *int
	// Remote are the addresses at the other end; empty: any.
	Remote []netip.Prefix
}

// PortFilterer changes the filter of a server's port while it runs: an optional
// ability of a driver that takes ports.
type PortFilterer interface {
	// SetFilter replaces the filter of the port with that address; nil lets everything
	// pass. Connections that passed go on. NotFound: no such server or port.
	SetFilter(ctx context.Context, server ServerToken, ip netip.Addr, f *Filter) error
}

// VolumeSpec is a volume as wanted.
type VolumeSpec struct {
	Token   VolumeToken
	Name    string
	Project ProjectID
	Size    int64 // bytes; drivers may be unable to hold a volume to it
}

// Volumer keeps data beyond the life of servers: an optional ability of a driver.
// Asking twice is harmless.
type Volumer interface {
	// CreateVolume makes an empty volume, or finds the one of that token.
	CreateVolume(ctx context.Context, spec VolumeSpec) error
	// DestroyVolume returns nil only when nothing is left; Conflict while it is attached.
	DestroyVolume(ctx context.Context, token VolumeToken) error
}

// VolumeCopier makes volumes of what is in others: an optional ability beside Volumer.
type VolumeCopier interface {
	// CopyVolume makes a volume with what is in another one of the project now, or finds
	// the one of that token, whole. NotFound: there is no such volume to copy.
	CopyVolume(ctx context.Context, from VolumeToken, spec VolumeSpec) error
}

// VolumeAttacher puts volumes into servers that run: an optional ability beside
// Volumer. Asking twice is harmless.
type VolumeAttacher interface {
	// AttachVolume gives the server the volume, under a device's name such as
	// /dev/vdb (empty: any that is free), and says where the server finds it. NotFound:
	// no such server or volume; Conflict: the name is in use there, or another server
	// has the volume; Invalid: servers can have none here.
	AttachVolume(ctx context.Context, server ServerToken, volume VolumeToken, device string) (path string, err error)
	// DetachVolume takes it away; nil when it, or the server, is not there.
	DetachVolume(ctx context.Context, server ServerToken, volume VolumeToken) error
}
