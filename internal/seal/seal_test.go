package seal

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stoker-project/stoker"
)

// The vectors of c2sp.org/XAES-256-GCM.
func TestCipherIsXAES(t *testing.T) {
	nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
	for _, c := range []struct {
		key              byte
		additional, want string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		k, err := NewKey(bytes.Repeat([]byte{c.key}, KeySize))
		if err != nil {
			t.Fatal(err)
		}
		sealed := k.gcm(nonce).Seal(nil, nonce[12:], []byte("XAES-256-GCM"), []byte(c.additional))
		if got := hex.EncodeToString(sealed); got != c.want {
			t.Errorf("key %d: got %s, want %s", c.key, got, c.want)
		}
	}
}

func newKey(t *testing.T) *Key {
	t.Helper()
	k, err := LoadOrCreate(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealAndOpen(t *testing.T) {
	k := newKey(t)
	for _, plain := range []string{"", "secret", strings.Repeat("long ", 100_000)} {
		blob := k.Seal([]byte(plain), []byte("place"))
		if plain != "" && bytes.Contains(blob, []byte(plain)) {
			t.Error("the blob shows its content")
		}
		got, err := k.Open(blob, []byte("place"))
		if err != nil || string(got) != plain {
			t.Errorf("opened %d bytes, %v; want %d", len(got), err, len(plain))
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	k := newKey(t)
	blob := k.Seal([]byte("secret"), []byte("place"))
	if _, err := k.Open(blob, []byte("elsewhere")); err == nil {
		t.Error("opened with other additional data")
	}
	for i := range blob {
		changed := bytes.Clone(blob)
		changed[i] ^= 1
		if _, err := k.Open(changed, []byte("place")); err == nil {
			t.Errorf("opened with byte %d changed", i)
		}
		if _, err := k.Open(blob[:i], []byte("place")); err == nil {
			t.Errorf("opened when cut to %d bytes", i)
		}
	}
	other := newKey(t)
	_, err := other.Open(blob, []byte("place"))
	if err == nil || !strings.Contains(err.Error(), k.ID()) || !strings.Contains(err.Error(), other.ID()) {
		t.Errorf("another key: got %v, want both keys named", err)
	}
}

func TestKeyFileIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			k, err := LoadOrCreate(path)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = k.ID()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("two keys were made: %v", ids)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode: got %04o, want 0600", got)
	}
	files, _ := os.ReadDir(filepath.Dir(path))
	if len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

func TestKeyFileRefused(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"open to others": {strings.Repeat("A", 43) + "=\n", 0o644, "chmod 600"},
		"too short":      {"AAAA\n", 0o600, "damaged"},
		"not base64":     {"!\n", 0o600, "damaged"},
		"empty":          {"", 0o600, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := LoadOrCreate(path)
			if !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want an invalid error with %q and the path", err, c.want)
			}
			if kept, _ := os.ReadFile(path); string(kept) != c.text {
				t.Error("the file was changed")
			}
		})
	}
}

func FuzzOpen(f *testing.F) {
	k, err := NewKey(make([]byte, KeySize))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(k.Seal([]byte("x"), nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, blob []byte) {
		plain, err := k.Open(blob, nil)
		if err == nil && len(plain) != len(blob)-head-tagSize {
			t.Errorf("opened %d bytes from %d", len(plain), len(blob))
		}
	})
}
