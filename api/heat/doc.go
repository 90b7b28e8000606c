// Package heat serves Stoker's engine under the REST API v1 of OpenStack's Heat,
// in Heat's own shapes, so that the clients of Heat (openstack stack ...,
// python-heatclient, gophercloud) work unchanged. It decodes, asks the engine
// and encodes; it decides nothing and keeps no state. What Heat has no words
// for is in package native.
//
// It starts no goroutine. Routes are on one page, routes.go; every error passes
// through fault in fault.go.
package heat
