package stoker

import (
	"context"
	"io"
	"time"
)

type (
	// ServerToken names a server to its driver. It is chosen by the caller
	// before the server is made.
	ServerToken string
	// DriverName names a driver in configuration: process, docker.
	DriverName string
)

// ServerSpec is a server as wanted.
type ServerSpec struct {
	Token ServerToken
	Name  string // for people; need not be unique
	// Project and Path say whose it is: the stack it belongs to and that stack's
	// ancestors, the root last. List gives them back.
	Project ProjectID
	Path    []StackID
	Image   string
	Flavor  Flavor
	// Metadata is the user's: string values, or others that are shown as JSON.
	Metadata map[string]string
	UserData string
	// AwaitUserData leaves the server in BUILD until its user data has been run, and
	// makes it ERROR when that fails; for drivers that run user data.
	AwaitUserData bool
	// Keys are public keys of SSH that may log in, by name.
	Keys map[string]string
	// Ports are the places in networks that the driver made; none: the driver's own
	// network. Drivers that are no Networker refuse them.
	Ports []ServerPort
	// Port is where the application is to listen, 0 for the driver's default.
	Port int
}

// Flavor is the size of a server. Zero values are unlimited.
type Flavor struct {
	Name   string
	CPUs   float64 // processors' worth of time
	Memory int64   // bytes
	Disk   int64   // bytes
}

// ServerState is how a server is (Nova's words).
type ServerState string

// The states of a server.
const (
	ServerBuild   ServerState = "BUILD"
	ServerActive  ServerState = "ACTIVE"
	ServerError   ServerState = "ERROR"   // never came up, or was lost
	ServerStopped ServerState = "SHUTOFF" // ended by itself
	ServerPaused  ServerState = "PAUSED"  // does not run, and keeps its memory
)

// Server is a server as observed.
type Server struct {
	Token   ServerToken
	ID      PhysicalID // the driver's name for it
	Name    string
	Project ProjectID
	Path    []StackID
	State   ServerState
	// Reason says why it is in ERROR or SHUTOFF, with what is known of the end:
	// exit status and the last lines of its log.
	Reason string
	// Addresses by network name; the first is the one to reach it by.
	Addresses []Address
	Port      int
	Created   time.Time
	// Notes tells people what of the spec could not be applied here (limits of
	// a flavor without cgroups).
	Notes []string
}

// Instance is what a server can be told of itself, by a metadata service.
type Instance struct {
	Server
	Image    string
	Flavor   string            // its name
	Metadata map[string]string // as it is now
	UserData string
	Keys     map[string]string
	Ports    []ServerPort
}

// Address is one address of a server.
type Address struct {
	Network string
	IP      string
	MAC     string
}

// Driver makes servers. All methods may be called concurrently; calls for one
// token are never concurrent. See drivertest for the contract in code.
type Driver interface {
	// Create makes a server, or finds the one of that token: asking twice gives
	// the same server. It returns as soon as the server is started, usually in
	// BUILD or ACTIVE. Errors: Invalid (image, flavor), NoCapacity, Unavailable.
	Create(ctx context.Context, spec ServerSpec) (Server, error)
	// List gives all servers this driver has made for this installation.
	List(ctx context.Context) ([]Server, error)
	// Destroy stops and removes a server: SIGTERM or its like, grace, force. It
	// returns nil only when nothing is left, also when there never was anything.
	Destroy(ctx context.Context, token ServerToken, grace time.Duration) error
}

// Optional abilities of a driver, found by assertion.
type (
	// ServerWaiter blocks until the server has ended by itself and gives what is known of
	// it, with Reason set; NotFound if there is no such server.
	ServerWaiter interface {
		Wait(ctx context.Context, token ServerToken) (Server, error)
	}
	// MetadataUpdater changes a server's metadata in place, where it can be
	// read by the server without a restart.
	MetadataUpdater interface {
		UpdateMetadata(ctx context.Context, token ServerToken, metadata map[string]string) error
	}
	// ServerResizer changes a server's flavor in place.
	ServerResizer interface {
		Resize(ctx context.Context, token ServerToken, f Flavor) error
	}
	// ServerPauser stops a server where it is, memory kept, and lets it go on.
	// Both are harmless when asked twice; NotFound if there is no such server.
	ServerPauser interface {
		Pause(ctx context.Context, token ServerToken) error
		Unpause(ctx context.Context, token ServerToken) error
	}
	// ServerImager keeps what is on a server's disk as an image. Both are harmless when asked
	// twice.
	ServerImager interface {
		// Capture makes the image of that key, chosen by the caller, and gives its name for
		// ServerSpec.Image; only servers of the same project can have it. The server may stand
		// still meanwhile. NotFound if there is no such server.
		Capture(ctx context.Context, token ServerToken, key string) (image string, err error)
		// DropImage removes the image of a key; servers that have it go on.
		DropImage(ctx context.Context, key string) error
	}
	// CPUReader reads the processor time that servers have used since they
	// started, in seconds; servers that are not there are left out.
	CPUReader interface {
		CPU(ctx context.Context, tokens []ServerToken) (map[ServerToken]float64, error)
	}
	// MemoryReader reads the memory that servers use now, in bytes, without what the
	// kernel can take back at once; servers that are not there are left out.
	MemoryReader interface {
		Memory(ctx context.Context, tokens []ServerToken) (map[ServerToken]int64, error)
	}
	// LogReader gives a server's output. tail limits it to that many last lines
	// (<0: all); follow goes on until the server is gone or ctx ends.
	LogReader interface {
		Logs(ctx context.Context, token ServerToken, tail int, follow bool) (io.ReadCloser, error)
	}
)
