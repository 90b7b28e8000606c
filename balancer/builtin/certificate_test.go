package builtin

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stoker-project/stoker/internal/selfsigned"
)

func TestSelfMadeCertificateIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	now := time.Now()
	first, err := (&selfMade{dir: dir}).get(now)
	if err != nil {
		t.Fatal(err)
	}
	second, err := (&selfMade{dir: dir}).get(now)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Certificate[0], second.Certificate[0]) {
		t.Error("after a restart: got another certificate, want the one on disk")
	}
	info, err := os.Stat(filepath.Join(dir, selfMadeFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v (%v), want 0600", info.Mode(), err)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := first.Leaf.VerifyHostname(host); err != nil {
			t.Errorf("certificate for %s: %v", host, err)
		}
	}
}

func TestSelfMadeCertificateIsRenewed(t *testing.T) {
	s := &selfMade{dir: t.TempDir()}
	now := time.Now()
	first, err := s.get(now)
	if err != nil {
		t.Fatal(err)
	}
	later, err := s.get(now.Add(selfsigned.Validity - selfsigned.Margin + time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first.Certificate[0], later.Certificate[0]) {
		t.Error("shortly before its end: got the old certificate, want a new one")
	}
}

func TestSelfMadeCertificateBroken(t *testing.T) {
	s := &selfMade{dir: t.TempDir()}
	path := filepath.Join(s.dir, selfMadeFile)
	if err := os.WriteFile(path, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.get(time.Now()); err == nil {
		t.Error("with a broken file: got nil, want an error rather than a new identity")
	}
}
