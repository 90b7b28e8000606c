package seal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/stoker-project/stoker"
)

const hintKey = "It holds one line, the key in base64; put back the file from its backup, or move it away to start anew with an empty database."

// LoadOrCreate reads the key file, or makes it (mode 0600, with a new random key)
// when there is none. Several processes may do so at once: all get the same key.
// A file that others may read is refused.
func LoadOrCreate(path string) (*Key, error) {
	k, err := load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := create(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make key file: %w", err)
	}
	return load(path)
}

func load(path string) (*Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, &stoker.Error{Kind: stoker.Invalid,
			Message: fmt.Sprintf("key file %s can be read by others (mode %04o)", path, info.Mode().Perm()),
			Hint:    "Run: chmod 600 " + path}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err == nil {
		var k *Key
		if k, err = NewKey(secret); err == nil {
			return k, nil
		}
	}
	return nil, &stoker.Error{Kind: stoker.Invalid, Err: err,
		Message: fmt.Sprintf("key file %s is damaged", path), Hint: hintKey}
}

// create writes the file beside its place and links it there: nobody ever sees
// half of it, and an existing key is never overwritten.
func create(path string) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	if err := write(f); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func write(f *os.File) error {
	secret := make([]byte, KeySize)
	rand.Read(secret) // never fails, by its documentation
	_, err := f.WriteString(base64.StdEncoding.EncodeToString(secret) + "\n")
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
