// Package metadata answers a server that asks what it is, in the formats of OpenStack
// and of EC2, as Nova does at 169.254.169.254. Who asks is known before: each Handler
// is for one server. It does not listen, and finds no server by an address.
package metadata
