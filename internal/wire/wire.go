// Package wire holds the JSON of Stoker's own API, as the server (api/native)
// and the client (client) share it. It holds data only.
package wire

import "time"

// Status is the answer of GET /stoker/v1/status.
type Status struct {
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	// Drivers and Balancer are what servers run on and stand behind.
	Drivers  []string `json:"drivers"`
	Balancer string   `json:"balancer"`
	Store    string   `json:"store"`
	Project  string   `json:"project"` // the caller's own
	Stacks   int      `json:"stacks"`  // living ones of the project, nested ones left out
	Groups   int      `json:"groups"`
	Servers  int      `json:"servers"`
}

// Group is a group as it stands.
type Group struct {
	ID       string `json:"id"`
	Name     string `json:"name"` // STACK/RESOURCE
	Project  string `json:"project"`
	Stack    string `json:"stack"` // ID of the stack that declares it
	Resource string `json:"resource"`

	Min  int `json:"min"`
	Max  int `json:"max"`
	Size int `json:"size"`
	// Serving members are complete.
	Serving      int        `json:"serving"`
	InFlight     bool       `json:"in_flight"`
	Failed       bool       `json:"failed"`
	StatusReason string     `json:"status_reason"`
	CooldownEnd  *time.Time `json:"cooldown_end"`
	FrozenUntil  *time.Time `json:"frozen_until"`
	FrozenReason string     `json:"frozen_reason,omitempty"`
	Members      []Member   `json:"members"`
	// Last is the newest decision about it, null if there is none.
	Last *Decision `json:"last_decision"`
}

// Member is a member of a group.
type Member struct {
	Name       string    `json:"name"`
	PhysicalID string    `json:"physical_id"`
	Status     string    `json:"status"` // CREATE_COMPLETE
	Reason     string    `json:"reason"`
	Created    time.Time `json:"created"`
}

// Decision is one evaluation of a scaler, or several alike in a row.
type Decision struct {
	Seq      int64              `json:"seq"` // 0: not stored yet
	Scaler   string             `json:"scaler"`
	Group    string             `json:"group"`
	Time     time.Time          `json:"time"`
	LastTime time.Time          `json:"last_time"`
	Count    int                `json:"count"`
	From     int                `json:"from"`
	To       int                `json:"to"`
	Wish     int                `json:"wish"`
	Why      string             `json:"why"`
	Limiter  string             `json:"limiter"`
	Next     *time.Time         `json:"next"`
	Signals  map[string]float64 `json:"signals"`
	Error    string             `json:"error,omitempty"`
}

// Resize is the body of POST /stoker/v1/groups/GROUP/resize.
type Resize struct {
	Size   *int   `json:"size"`
	Reason string `json:"reason"`
}

// Freeze is the body of POST /stoker/v1/groups/GROUP/freeze. A time that has
// passed thaws.
type Freeze struct {
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

// Fault is the body of an error.
type Fault struct {
	Error FaultError `json:"error"`
}

// FaultError tells of an error. Kind is one of the kinds of package stoker.
type FaultError struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}
