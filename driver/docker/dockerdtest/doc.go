// Package dockerdtest gives tests a Docker daemon of their own, and leaves nothing
// of it behind: the test binary runs itself again in new namespaces for processes, networks
// and mounts, and with their end the kernel takes away all daemons, containers,
// bridges, packet filters and mounts. It is for tests only, as root on Linux with
// Debian's docker.io and iptables; where those are missing, tests are skipped.
//
// Main waits for all processes it starts. A Daemon ends with the test that started it.
package dockerdtest
