package app

// SignalsOnly is signalsOnly.
var SignalsOnly = signalsOnly

// LoopbackURL is loopbackURL.
var LoopbackURL = loopbackURL
