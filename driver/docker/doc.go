// Package docker makes servers out of containers of a Docker daemon on this
// machine, through its Engine API: a server is one container with fixed addresses, on a
// network of the installation's own or on networks of its stack, which are bridges of
// Docker's; a volume is one of Docker's. Who has which network, address or filter is up
// to the callers, and daemons on other machines are not reached: servers are reached
// by their bridge address, and their metadata and their volumes are folders that are
// mounted.
//
// What is known of a server, network or volume stands in its labels in Docker, so that
// the daemon is the only truth, and a crash of Stoker or of the daemon at any moment leaves
// nothing that is not found again. On disk there is only
//
//	Dir/installation          names this installation among others, random
//	Dir/servers/NAME/         mounted into the server as /etc/stoker
//	        metadata.json     replaced in one step when the metadata changes
//	        user_data         if there is any
//	        instance.json     what else the server is told of itself
//	        guest             Stoker's program is mounted over it, where user data is run
//	        report/           the server's own to write: how its user data has gone
//	        volumes/DEVICE    the token of a volume that it has
//	Dir/ports/NAME.json       its ports in networks, with their filters as they are now
//	Dir/networks/NAME.json    what a network reaches, and addresses of the machine in it
//	Dir/mounts/NAME/          mounted into the server as /mnt/volumes; volumes in it
//
// Filters of ports are nftables in the container's own network namespace, applied
// after each of its starts, whoever starts it. What networks reach are iptables of the
// machine in a chain of the installation's own. Both need root.
//
// When the daemon does not answer, what reads gives Unavailable at once, and what
// changes something waits until it is back or its context ends.
//
// Goroutines, from New until Close: one keeps the connection to the daemon and hears its
// events; one owns what listens inside of the servers, each in a goroutine of its own; one
// hears of reports. Others live only while a call lasts.
package docker
