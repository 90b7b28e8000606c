// Package guest is what Stoker runs inside of a server as its first process: it runs the
// user data as cloud-init would on a virtual machine, starts what the image is for,
// hands signals on, and collects dead processes. It is for containers whose image has no
// such agent; it speaks to nobody outside, except where user data names an address.
//
// Decode reads user data and says what is to be done: it touches nothing. Three
// processes then share the work:
//
//   - Run is process 1. It starts the worker, waits until the machine is set up, starts the
//     image's command or hands over to its init, and then only waits and forwards.
//   - Work is the worker: it takes the steps one after the other and writes the report.
//   - The image's command.
//
// The worker is a process of its own because process 1 must wait for every process that
// there is, and so cannot wait for a certain one as os/exec does.
package guest
