// Package seal keeps secrets unreadable where they are stored: it seals blobs
// with a key that lives in a file of its own. It is not for sending data to
// others, and it does not replace keys: a key stays for the life of what it sealed.
//
// The cipher is XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM under a key
// derived for each blob from a random nonce of 24 bytes, so that a server may seal
// for decades without two nonces meeting.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
)

// A blob is: format (1), key ID (4), nonce (24), ciphertext with its tag (16).
const (
	format    = 1
	idSize    = 4
	nonceSize = 24
	tagSize   = 16
	head      = 1 + idSize + nonceSize

	// KeySize is the length of a key in bytes.
	KeySize = 32
)

// Key seals and opens blobs. Its methods may be called concurrently.
type Key struct {
	id    [idSize]byte
	block cipher.Block
	k1    [aes.BlockSize]byte // CMAC's subkey
	mac   []byte
}

// NewKey makes a Key of KeySize secret random bytes.
func NewKey(secret []byte) (*Key, error) {
	if len(secret) != KeySize {
		return nil, fmt.Errorf("a key has %d bytes, not %d", KeySize, len(secret))
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	k := &Key{block: block, mac: derive(secret, "stoker fingerprint")}
	copy(k.id[:], derive(secret, "stoker key id"))
	block.Encrypt(k.k1[:], k.k1[:])
	carry := k.k1[0] >> 7
	for i := range k.k1 {
		k.k1[i] <<= 1
		if i+1 < len(k.k1) {
			k.k1[i] |= k.k1[i+1] >> 7
		}
	}
	k.k1[len(k.k1)-1] ^= carry * 0x87
	return k, nil
}

func derive(secret []byte, purpose string) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(purpose))
	return h.Sum(nil)
}

// ID names the key without telling it: eight hexadecimal digits.
func (k *Key) ID() string { return hex.EncodeToString(k.id[:]) }

// Fingerprint gives a keyed hash: equal data can be recognised by it, but nobody
// without the key can try out what the data was.
func (k *Key) Fingerprint() hash.Hash { return hmac.New(sha256.New, k.mac) }

// Seal gives a blob that only this key opens. The same additional data, which is
// not secret, must be shown to open it: it ties the blob to its place.
func (k *Key) Seal(plain, additional []byte) []byte {
	blob := make([]byte, head, head+len(plain)+tagSize)
	blob[0] = format
	copy(blob[1:], k.id[:])
	nonce := blob[1+idSize : head]
	rand.Read(nonce) // never fails, by its documentation
	return k.gcm(nonce).Seal(blob, nonce[12:], plain, additional)
}

// Open gives what was sealed. It fails when the blob was sealed by another key,
// has been changed, or belongs elsewhere.
func (k *Key) Open(blob, additional []byte) ([]byte, error) {
	if len(blob) < head+tagSize || blob[0] != format {
		return nil, errors.New("not a sealed blob")
	}
	if id := blob[1 : 1+idSize]; !bytes.Equal(id, k.id[:]) {
		return nil, fmt.Errorf("sealed by the key %x, but the key at hand is %s", id, k.ID())
	}
	nonce := blob[1+idSize : head]
	plain, err := k.gcm(nonce).Open(nil, nonce[12:], blob[head:], additional)
	if err != nil {
		return nil, errors.New("the sealed blob was changed or belongs elsewhere")
	}
	return plain, nil
}

// gcm derives the blob's own key from the first half of the nonce: NIST SP
// 800-108 in counter mode with CMAC, for exactly two blocks.
func (k *Key) gcm(nonce []byte) cipher.AEAD {
	var derived [2 * aes.BlockSize]byte
	for i := range 2 {
		m := derived[i*aes.BlockSize:][:aes.BlockSize]
		m[1], m[2] = byte(i+1), 'X'
		copy(m[4:], nonce[:12])
		for j := range m {
			m[j] ^= k.k1[j]
		}
		k.block.Encrypt(m, m)
	}
	block, err := aes.NewCipher(derived[:])
	if err != nil {
		panic(err) // the key's size is right
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // the block's size is right
	}
	return gcm
}
