// Package octavia is a model of load balancers as OpenStack's Octavia has them: load
// balancers with listeners, pools, members and monitors. It says which pools a balancer
// of ours is to have. It keeps nothing beyond the process and asks nobody; whoever
// holds it acts. It starts no goroutine.
package octavia
