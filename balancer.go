package stoker

import (
	"context"
	"time"
)

type (
	// PoolID names a pool to its balancer; chosen by the caller.
	PoolID string
	// MemberID names a member in its pool; chosen by the caller.
	MemberID string
)

// Protocol is what a listener speaks to clients.
type Protocol string

// The protocols.
const (
	ProtocolHTTP  Protocol = "http"  // HTTP/1.1 and HTTP/2 without TLS
	ProtocolHTTPS Protocol = "https" // TLS ended here; HTTP/1.1 and HTTP/2
	ProtocolTCP   Protocol = "tcp"
)

// Algorithm chooses the member for a request or connection.
type Algorithm string

// The algorithms (HAProxy's words).
const (
	RoundRobin Algorithm = "roundrobin" // weighted
	LeastConn  Algorithm = "leastconn"  // weighted: fewest in flight
)

// Pool is a set of members behind listeners, as wanted.
type Pool struct {
	ID        PoolID
	Name      string // for people
	Listeners []Listener
	Algorithm Algorithm // default roundrobin
	// StickyCookie names the cookie that binds a client to a member; empty: none.
	StickyCookie string
	Health       HealthCheck
	// Retries is how often an idempotent request is tried on another member
	// when connecting fails; 0 for none.
	Retries        int
	ConnectTimeout time.Duration // default 2s
	// ResponseTimeout bounds the time until the response's header; 0: no bound.
	ResponseTimeout time.Duration
	// QueueTimeout is how long a request waits while no member is up; then 503.
	QueueTimeout time.Duration
}

// Listener is one address that clients connect to.
type Listener struct {
	Protocol Protocol
	// Address is an IP address; default 127.0.0.1.
	Address string
	// Port 0 lets the balancer choose one, and keep it.
	Port int
	// Certificate and Key are PEM; both empty with https: self-made.
	Certificate string
	Key         string
	// Policies are tried in order before the pool gets a request; not with tcp.
	Policies []L7Policy
}

// L7Policy decides on the requests that all of its rules match.
type L7Policy struct {
	Name   string   // for people
	Rules  []L7Rule // at least one
	Action L7Action
	URL    string // where L7Redirect leads: http or https
	Code   int    // of a redirect: 301, 302 (default), 303, 307 or 308
	// Pool gets the requests of L7ToPool, and counts them; it needs no listener.
	// While there is no such pool they are answered 503.
	Pool PoolID
}

// L7Action is what a policy does.
type L7Action string

// The actions. What they answer themselves no pool counts.
const (
	L7Reject   L7Action = "reject" // 403
	L7Redirect L7Action = "redirect"
	L7ToPool   L7Action = "pool"
)

// L7Rule is a question about a request.
type L7Rule struct {
	Type    L7Type
	Key     string // of L7Header and L7Cookie: its name
	Compare L7Compare
	Value   string
	Invert  bool
}

// L7Type is what a rule looks at.
type L7Type string

// The types. Where there are several, one that matches is enough.
const (
	L7Host     L7Type = "host_name" // in lower case, without port; letters match in either case
	L7Path     L7Type = "path"      // without percent-encoding and query
	L7FileType L7Type = "file_type" // what follows the last dot of the path's last part
	L7Header   L7Type = "header"    // a whole line's value
	L7Cookie   L7Type = "cookie"
)

// L7Compare is how a rule looks at it.
type L7Compare string

// The comparisons.
const (
	L7Equal    L7Compare = "equal_to"
	L7Start    L7Compare = "starts_with"
	L7End      L7Compare = "ends_with"
	L7Contains L7Compare = "contains"
	L7Regex    L7Compare = "regex" // finds it anywhere; RE2's syntax
)

// HealthCheck asks members whether they can take traffic.
type HealthCheck struct {
	// Protocol http asks for Path, tcp connects, empty makes no active checks:
	// then members are up from the start.
	Protocol Protocol
	Path     string        // default /
	Status   []int         // accepted; default 200 to 399
	Interval time.Duration // default 1s; quicker while a member has never been up
	Timeout  time.Duration // default 1s
	Rise     int           // successes until up again; default 1. The first success counts at once.
	Fall     int           // failures until down; default 3
}

// PoolStatus is a pool as it is.
type PoolStatus struct {
	// Addresses are those listened on, host:port, in the order of Listeners.
	Addresses []string
	// URLs are the same for browsers; empty for TCP listeners.
	URLs []string
}

// Member is one server in a pool, as wanted.
type Member struct {
	ID      MemberID
	Address string // host:port
	Weight  int    // 0 means 1
}

// MemberState is how a balancer sees a member.
type MemberState string

// The states of a member.
//
//	checking --> up <--> down
//	    |---------|--------|----> draining --> (gone)
const (
	MemberChecking MemberState = "checking" // has never been up; no traffic
	MemberUp       MemberState = "up"
	MemberDown     MemberState = "down"
	MemberDraining MemberState = "draining" // finishes what it has
)

// Traffic counts since the pool (or member) was set. All but the gauges only
// grow; a reader takes differences, so that several may read.
type Traffic struct {
	Requests int64 // ended; connections for TCP
	Errors   int64 // failed to connect, broken off, or answered 5xx
	Retries  int64
	// LatencySeconds is the sum over ended requests, from accepting the request
	// to the end of the answer.
	LatencySeconds float64
	// BusySeconds integrates the number in flight over time: its difference
	// divided by the time is the mean concurrency, also for long requests.
	BusySeconds float64

	InFlight int // gauge
	Queued   int // gauge: waiting for a member; pools only
}

// MemberStats is a member as the balancer sees it.
type MemberStats struct {
	ID      MemberID
	Address string
	State   MemberState
	Weight  int
	// LastError is why it is down or not yet up.
	LastError string
	Traffic
}

// PoolStats is a reading of a pool at one moment.
type PoolStats struct {
	Time time.Time
	// Traffic of the whole pool, members that have left included.
	Traffic
	Members []MemberStats // by ID
}

// Balancer spreads requests over members. All methods may be called
// concurrently and repeatedly; each states what is wanted, and asking twice is
// harmless. See balancertest for the contract in code.
type Balancer interface {
	// SetPool makes a pool or brings it to what is wanted. Listeners are
	// added and removed without disturbing the others, members stay. Errors: Invalid;
	// Conflict when an address is in use.
	SetPool(ctx context.Context, p Pool) (PoolStatus, error)
	// RemovePool ends its listeners and forgets it; nil when there is none.
	RemovePool(ctx context.Context, id PoolID) error
	// Stats reads a pool; NotFound if there is none.
	Stats(ctx context.Context, id PoolID) (PoolStats, error)
	Members
}

// Members changes who is in a pool.
type Members interface {
	// SetMember adds a member or changes its address or weight. It gets no
	// request before its first successful health check. NotFound: no such pool.
	SetMember(ctx context.Context, pool PoolID, m Member) error
	// AwaitMember blocks until the member is up. When ctx ends first, the error
	// is Unavailable and holds the last health check's error.
	AwaitMember(ctx context.Context, pool PoolID, id MemberID) error
	// RemoveMember sends the member nothing new, waits until what it has in
	// flight has ended, at most drain, then breaks the rest off and forgets it.
	// It returns when the member is gone; nil when there was none. When ctx ends
	// before, the member stays draining.
	RemoveMember(ctx context.Context, pool PoolID, id MemberID, drain time.Duration) error
}
