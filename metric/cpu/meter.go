// Package cpu measures the processors' time that the members of a group use, through the
// driver that runs them. It knows no groups, only that a server's Path names the
// stacks it is in. It starts no goroutine: readings are made by whoever asks first, and
// shared by those who ask meanwhile.
package cpu

import (
	"context"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// Driver is the part of a driver that is needed here: stoker.Driver's List, and the
// optional ability to read processor time.
type Driver interface {
	List(ctx context.Context) ([]stoker.Server, error)
	stoker.CPUReader
}

// fresh is how long a reading of all servers is shared.
const fresh = 500 * time.Millisecond

// Meter reads all servers of a driver at once, for any number of sources.
// Its methods may be called concurrently.
type Meter struct {
	driver Driver
	// turn holds the reading; whoever takes it out may change it, and puts it back.
	turn chan reading
}

// reading is what all active servers have used at one moment.
type reading struct {
	at      time.Time
	servers map[stoker.StackID][]server
}

// server is one active server; known tells whether its time could be read.
type server struct {
	token   stoker.ServerToken
	created time.Time
	seconds float64
	known   bool
}

// NewMeter gives a meter of a driver's servers.
func NewMeter(d Driver) *Meter {
	m := &Meter{driver: d, turn: make(chan reading, 1)}
	m.turn <- reading{}
	return m
}

// read gives a reading that is fresh, and makes one if there is none.
func (m *Meter) read(ctx context.Context) (reading, error) {
	var r reading
	select {
	case r = <-m.turn:
	case <-ctx.Done():
		return reading{}, stoker.Errorf(stoker.Unavailable, "wait for the driver's reading of servers: %w", ctx.Err())
	}
	defer func() { m.turn <- r }() // there is room: one was taken out
	if err := ctx.Err(); err != nil {
		return reading{}, stoker.Errorf(stoker.Unavailable, "read processor time: %w", err)
	}
	if age := time.Since(r.at); age >= 0 && age < fresh {
		return r, nil
	}
	next, err := m.measure(ctx)
	if err != nil {
		return reading{}, err
	}
	r = next
	return r, nil
}

func (m *Meter) measure(ctx context.Context) (reading, error) {
	all, err := m.driver.List(ctx)
	if err != nil {
		return reading{}, stoker.Errorf(stoker.Unavailable, "list servers: %w", err)
	}
	active := slices.DeleteFunc(slices.Clone(all), func(s stoker.Server) bool { return s.State != stoker.ServerActive })
	tokens := make([]stoker.ServerToken, len(active))
	for i, s := range active {
		tokens[i] = s.Token
	}
	used, err := m.driver.CPU(ctx, tokens)
	if err != nil {
		return reading{}, stoker.Errorf(stoker.Unavailable, "read processor time: %w", err)
	}
	r := reading{at: time.Now(), servers: map[stoker.StackID][]server{}}
	for _, s := range active {
		seconds, known := used[s.Token]
		one := server{token: s.Token, created: s.Created, seconds: seconds, known: known}
		for _, stack := range s.Path {
			r.servers[stack] = append(r.servers[stack], one)
		}
	}
	return r, nil
}
