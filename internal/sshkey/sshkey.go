// Package sshkey reads public keys of SSH and makes new pairs, as Nova does. It
// neither logs in nor keeps keys. It starts no goroutine.
package sshkey

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/stoker-project/stoker"
)

// Public is a public key.
type Public struct {
	// Line is one of an authorized_keys file, without options and line end.
	Line string
	// Fingerprint is Nova's: MD5, in hexadecimal with colons.
	Fingerprint string
}

// Parse reads a line of authorized_keys. Its comment is kept. Invalid: it is no
// public key, has options before it, or is more than one line.
func Parse(text string) (Public, error) {
	key, comment, options, rest, err := ssh.ParseAuthorizedKey([]byte(text))
	switch {
	case err != nil:
		return Public{}, invalid(err)
	case len(options) > 0:
		return Public{}, invalid(errors.New("it has options before the key"))
	case strings.TrimSpace(string(rest)) != "":
		return Public{}, invalid(errors.New("it has more than one line"))
	}
	return public(key, comment), nil
}

func invalid(err error) error {
	return &stoker.Error{Kind: stoker.Invalid, Message: "this is no public key of SSH", Err: err,
		Hint: "Give one line, as ssh-keygen writes it into a file that ends in .pub."}
}

func public(key ssh.PublicKey, comment string) Public {
	line := strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(key)), "\n")
	if comment != "" {
		line += " " + comment
	}
	return Public{Line: line, Fingerprint: ssh.FingerprintLegacyMD5(key)}
}

// bits is the size of Nova's keys.
const bits = 2048

// Generate makes a pair as Nova does: RSA, the private key as PEM of PKCS #1.
func Generate(comment string) (Public, string, error) {
	pair, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return Public{}, "", fmt.Errorf("make a key: %w", err)
	}
	key, err := ssh.NewPublicKey(&pair.PublicKey)
	if err != nil {
		return Public{}, "", fmt.Errorf("make a key: %w", err)
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(pair)}
	return public(key, comment), string(pem.EncodeToMemory(block)), nil
}
