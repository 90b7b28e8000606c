//go:build linux

package process

// OpenCrashing is New with a function that is called at the points of the story
// where a crash is worst: written, started, leaving, stopped.
func OpenCrashing(cfg Config, crash func(point string)) (*Driver, error) { return open(cfg, crash) }
