// Package cfn serves Stoker's engine under the query API of AWS CloudFormation
// as OpenStack's Heat has it, for tools that sign their requests with EC2
// credentials; and the signed addresses that take signals from servers, which have no
// token. It decodes, asks the engine and encodes; it decides nothing.
//
// It starts no goroutine. Actions are in one table, actions.go; every error passes
// through fault in fault.go. The only state are the signatures of the last
// minutes, so that a request that changes something works once.
package cfn
