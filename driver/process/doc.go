// Package process makes servers out of processes of this machine: a server is a
// session of processes with an address of its own in 127.64.0.0/10, a working
// directory and a log file. It is for one machine and for trusted templates, not
// for strangers': a server runs as Stoker's own user. It needs Linux 5.4.
//
// Everything is on disk, so that servers outlive the driver and are found again,
// also after a kill -9 at any moment:
//
//	Dir/lock                     held by the one driver that works here
//	Dir/installation             names this directory among others, random
//	Dir/tmp/                     directories on their way in or out
//	Dir/servers/TOKEN/server.json    what is wanted, the address; before the start
//	                  state.json     which process it is; after the start
//	                  end.json       how it ended by itself
//	                  destroy.json   it is to go; before anything is stopped
//	                  log, log.1     its output, newest and older
//	                  work/          its working directory
//
// Goroutines: each running server has one that waits for its end and records it,
// one cuts logs that grow too long, and New starts one for each destruction that
// an earlier driver left unfinished. All of them end in Close.
package process
