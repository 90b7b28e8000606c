// Package cfn reads CloudFormation templates as Heat does: those of
// AWSTemplateFormatVersion 2010-09-09 and HeatTemplateFormatVersion 2012-12-12.
// It turns text into hot's template model, so that nothing behind the parser
// knows which language a stack was written in. It holds what differs: words,
// the functions of each version, parameters; the functions themselves are in hot,
// because HOT 2013-05-23 takes them, too. It is no part of AWS's API.
//
// It is pure: no I/O, no clock, no goroutine, no state.
package cfn
