package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// Sign makes the token that allows one thing, named by words, and nothing else.
// It is the same each time, and nothing needs to be stored.
func Sign(key string, words ...string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(strings.Join(words, "\x00"))) // never fails, by its documentation
	return hex.EncodeToString(mac.Sum(nil))
}

// Signed tells whether a token is the one that Sign made.
func Signed(token, key string, words ...string) bool {
	return key != "" && subtle.ConstantTimeCompare([]byte(token), []byte(Sign(key, words...))) == 1
}
