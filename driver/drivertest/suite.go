package drivertest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
)

// Options tells the suite what servers of a driver are made of. Token, Name,
// Project and Path are set by the suite.
type Options struct {
	// Runs is a server that runs until it is destroyed.
	Runs stoker.ServerSpec
	// Ends is one that prints Output as its last line and ends with a status
	// other than 0.
	Ends   stoker.ServerSpec
	Output string
	// Burns is one that uses processor time continually; nil leaves the test of
	// CPUReader out.
	Burns *stoker.ServerSpec
	// Bad are refused by Create as Invalid; the key says what is wrong with it.
	Bad map[string]stoker.ServerSpec
	// Metadata gives what the server itself sees of its metadata; nil leaves the
	// test of MetadataUpdater out.
	Metadata func(t *testing.T, d stoker.Driver, token stoker.ServerToken) map[string]string
	// Files reads and writes files as a server of Runs does; nil leaves the tests of
	// Volumer and VolumeAttacher out.
	Files Files
	// UserData gives user data for Runs that is run and ends well, or fails; nil where
	// the driver runs none.
	UserData func(fails bool) string
	// Reopen ends the driver and opens it anew, as a restart of Stoker does; nil
	// leaves the test out.
	Reopen func(t *testing.T, d stoker.Driver) stoker.Driver
	// Dial has a server, or the machine where from is empty, connect to an address by
	// tcp, udp or icmp (then without a port), and gives what tells whether that connection
	// is answered still; nil: nothing has answered. Servers of Runs answer by tcp and udp at
	// their port. Without Dial, the tests of what reaches what are left out.
	Dial func(t *testing.T, d stoker.Driver, from stoker.ServerToken, network, address string) (answers func() bool)
	// Outside is an address and port beyond the machine that answers by tcp; empty leaves
	// it out.
	Outside string
	// Concurrent is how many servers are made at once; default 20.
	Concurrent int
	// Grace is given to Destroy; default 1s.
	Grace time.Duration
	// Timeout bounds one test; default 30s.
	Timeout time.Duration
}

// suite is one test of the suite with its own driver.
type suite struct {
	*testing.T
	Options
	ctx    context.Context
	driver stoker.Driver
	made   []stoker.VolumeToken
	tokens []stoker.NetworkToken // of networks that were made
}

// Run checks that a driver keeps the contract of stoker.Driver and of the
// optional abilities it has. newDriver gives a fresh, empty driver that ends
// with the test; whatever the suite makes, it destroys.
func Run(t *testing.T, newDriver func(t *testing.T) stoker.Driver, o Options) {
	if o.Concurrent == 0 {
		o.Concurrent = 20
	}
	if o.Grace == 0 {
		o.Grace = time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	tests := []struct {
		name string
		run  func(*suite)
	}{
		{"create gives back what was asked", (*suite).create},
		{"create twice gives one server", (*suite).createTwice},
		{"concurrent creates", (*suite).createConcurrently},
		{"bad specs are invalid and leave nothing", (*suite).createBad},
		{"empty list", (*suite).listEmpty},
		{"destroy", (*suite).destroy},
		{"destroy of one spares the others", (*suite).destroyOne},
		{"a destroyed token can be used again", (*suite).createAgain},
		{"a server that ended is told of", (*suite).ended},
		{"a cancelled context makes nothing", (*suite).cancelled},
		{"wait", (*suite).wait},
		{"wait ends with the server or the context", (*suite).waitEnds},
		{"metadata", (*suite).metadata},
		{"pause", (*suite).pause},
		{"a paused server can be destroyed", (*suite).destroyPaused},
		{"logs", (*suite).logs},
		{"follow logs", (*suite).followLogs},
		{"cpu", (*suite).cpu},
		{"restart", (*suite).restart},
		{"awaited user data", (*suite).userDataRuns},
		{"awaited user data that fails", (*suite).userDataFails},
		{"volumes twice", (*suite).volumesTwice},
		{"volumes refuse", (*suite).volumesRefuse},
		{"volumes keep data", (*suite).volumesKeep},
		{"volumes are copied", (*suite).volumesCopy},
		{"images keep disks", (*suite).imagesKeep},
		{"images refuse", (*suite).imagesRefuse},
		{"networks", (*suite).networks},
		{"bad networks are invalid", (*suite).badNetworks},
		{"networks do not overlap", (*suite).overlap},
		{"a network in use stays", (*suite).networkInUse},
		{"ports", (*suite).ports},
		{"bad ports are invalid and leave nothing", (*suite).badPorts},
		{"what networks reach", (*suite).reach},
		{"what is beyond the machine", (*suite).outside},
		{"addresses of the machine", (*suite).hostAddresses},
		{"filters", (*suite).filters},
		{"a filter spares what has passed", (*suite).filterSpares},
		{"filters of ports that are not there", (*suite).filterNothing},
		{"networks and filters outlive a restart", (*suite).networksRestart},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), o.Timeout)
			defer cancel()
			s := &suite{T: t, Options: o, ctx: ctx, driver: newDriver(t)}
			defer s.cleanUp() // before the cleanup of newDriver
			test.run(s)
		})
	}
}

// spec completes one of the options' specs.
func (s *suite) spec(base stoker.ServerSpec, token stoker.ServerToken) stoker.ServerSpec {
	base.Token = token
	base.Name = "name of " + string(token)
	base.Project = "a project"
	base.Path = []stoker.StackID{"child", "root"}
	return base
}

// make creates a server and ends the test if that is refused.
func (s *suite) make(base stoker.ServerSpec, token stoker.ServerToken) stoker.Server {
	s.Helper()
	server, err := s.driver.Create(s.ctx, s.spec(base, token))
	if err != nil {
		s.Fatalf("create %q: %v", token, err)
	}
	return server
}

func (s *suite) list() map[stoker.ServerToken]stoker.Server {
	s.Helper()
	servers, err := s.driver.List(s.ctx)
	if err != nil {
		s.Fatalf("list: %v", err)
	}
	byToken := map[stoker.ServerToken]stoker.Server{}
	for _, server := range servers {
		if _, twice := byToken[server.Token]; twice {
			s.Errorf("list: %q stands in it twice", server.Token)
		}
		byToken[server.Token] = server
	}
	return byToken
}

// await polls the list until the server is as wanted.
func (s *suite) await(token stoker.ServerToken, want func(stoker.Server) bool) stoker.Server {
	s.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		server := s.list()[token]
		if want(server) {
			return server
		}
		select {
		case <-s.ctx.Done():
			s.Fatalf("server %q is still %+v", token, server)
		case <-tick.C:
		}
	}
}

// cleanUp destroys all servers; the test's own context is over by then.
func (s *suite) cleanUp() {
	ctx, cancel := context.WithTimeout(context.Background(), s.Timeout)
	defer cancel()
	servers, err := s.driver.List(ctx)
	if err != nil {
		s.Errorf("list at the end: %v", err)
	}
	for _, server := range servers {
		if err := s.driver.Destroy(ctx, server.Token, 0); err != nil {
			s.Errorf("destroy %q at the end: %v", server.Token, err)
		}
	}
	for _, token := range s.tokens {
		if err := s.driver.(stoker.Networker).DestroyNetwork(ctx, token); err != nil {
			s.Errorf("destroy network %q at the end: %v", token, err)
		}
	}
	servers, err = s.driver.List(ctx)
	if err != nil || len(servers) != 0 {
		s.Errorf("after the end: got %d servers, error %v, want none", len(servers), err)
	}
	s.removeVolumes(ctx)
}

// sameSpec tells what of a server differs from the spec it was made from.
func sameSpec(got stoker.Server, spec stoker.ServerSpec) error {
	switch {
	case got.Token != spec.Token:
		return fmt.Errorf("token: got %q, want %q", got.Token, spec.Token)
	case got.Name != spec.Name:
		return fmt.Errorf("name: got %q, want %q", got.Name, spec.Name)
	case got.Project != spec.Project:
		return fmt.Errorf("project: got %q, want %q", got.Project, spec.Project)
	case !slices.Equal(got.Path, spec.Path):
		return fmt.Errorf("path: got %q, want %q", got.Path, spec.Path)
	case spec.Port != 0 && got.Port != spec.Port:
		return fmt.Errorf("port: got %d, want %d", got.Port, spec.Port)
	}
	return nil
}
