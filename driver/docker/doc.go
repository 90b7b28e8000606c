// Package docker makes servers out of containers of a Docker daemon on this
// machine, through its Engine API: a server is one container with a fixed address
// on a network of the installation's own, and a volume is one of Docker's. It is not a
// cloud with networks and ports of its users, and it does not reach daemons on other
// machines: servers are reached by their bridge address, and their metadata and their
// volumes are folders that are mounted.
//
// What is known of a server or volume stands in its labels in Docker, so that the
// daemon is the only truth, and a crash of Stoker or of the daemon at any moment leaves
// nothing that is not found again. On disk there is only
//
//	Dir/installation          names this installation among others, random
//	Dir/servers/NAME/         mounted into the server as /etc/stoker
//	        metadata.json     replaced in one step when the metadata changes
//	        user_data         if there is any
//	        volumes/DEVICE    the token of a volume that it has
//	Dir/mounts/NAME/          mounted into the server as /mnt/volumes; volumes in it
//
// When the daemon does not answer, what reads gives Unavailable at once, and what
// changes something waits until it is back or its context ends.
//
// Goroutines: one keeps the connection to the daemon and hears its events, from
// New until Close. Others live only while a call lasts.
package docker
