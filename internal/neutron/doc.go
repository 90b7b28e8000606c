// Package neutron is a model of networks as OpenStack's Neutron has them: nets,
// subnets and their addresses, routers, ports, security groups and floating
// addresses. It says what follows from them: who reaches whom, what passes a port's
// filter, which ports a floating address publishes. It keeps nothing beyond the
// process and asks no driver; whoever holds it acts. It starts no goroutine.
package neutron
