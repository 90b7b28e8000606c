//go:build !linux

package netns

import (
	"errors"
	"os"
)

// Do is for Linux only; elsewhere it gives an error.
func Do(string, func() error) error { return errors.ErrUnsupported }

// DoFile is for Linux only; elsewhere it gives an error.
func DoFile(*os.File, func() error) error { return errors.ErrUnsupported }

// Same is for Linux only; elsewhere it is false.
func Same(string, string) bool { return false }

// Able is for Linux only; elsewhere it is false.
func Able() bool { return false }
