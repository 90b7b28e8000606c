package token

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/stoker-project/stoker"
)

// Load reads a tokens file, which nobody but its owner may read.
func Load(path string) (*Table, error) {
	text, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	return Parse(text, path)
}

// LoadOrCreate reads the one token of a file, or makes the file (mode 0600, a
// new random token) when there is none.
func LoadOrCreate(path string) (string, error) {
	text, err := Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return create(path)
	}
	return text, err
}

// Read reads the one token of a file.
func Read(path string) (string, error) {
	text, err := readPrivate(path)
	if err != nil {
		return "", err
	}
	text = strings.TrimSpace(text)
	if len(text) < minLength {
		return "", &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("token file %s is damaged", path),
			Hint: "Remove it: a new one is made at the next start."}
	}
	return text, nil
}

func create(path string) (string, error) {
	b := make([]byte, 32)
	rand.Read(b) // never fails, by its documentation
	tok := hex.EncodeToString(b)
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("make token file: %w", err)
	}
	_, err = tmp.WriteString(tok + "\n")
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return "", fmt.Errorf("make token file: %w", errors.Join(err, os.Remove(tmp.Name())))
	}
	return tok, nil
}

func readPrivate(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", &stoker.Error{Kind: stoker.Invalid,
			Message: fmt.Sprintf("%s can be read by others (mode %04o)", path, info.Mode().Perm()),
			Hint:    "Run: chmod 600 " + path}
	}
	text, err := os.ReadFile(path)
	return string(text), err
}
