package sshkey_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/sshkey"
)

const ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1oWqVJ2Y2zG8e0yo6lSgS1mKXh3hWbVgE0rXuZ3r0Z"

func TestParse(t *testing.T) {
	for what, text := range map[string]string{
		"bare":    ed25519,
		"comment": ed25519 + " alice@example.org",
		"spaces":  "  " + ed25519 + "  alice@example.org\n",
	} {
		got, err := sshkey.Parse(text)
		if want := strings.Join(strings.Fields(text), " "); err != nil || got.Line != want {
			t.Errorf("%s: got %q, error %v, want %q", what, got.Line, err, want)
		}
		if len(got.Fingerprint) != 16*3-1 || strings.Count(got.Fingerprint, ":") != 15 {
			t.Errorf("%s: fingerprint %q", what, got.Fingerprint)
		}
	}
	for what, text := range map[string]string{
		"empty":     "",
		"words":     "my key",
		"cut":       ed25519[:40],
		"options":   `command="sh" ` + ed25519,
		"two lines": ed25519 + "\n" + ed25519,
		"private":   "-----BEGIN RSA PRIVATE KEY-----",
	} {
		if got, err := sshkey.Parse(text); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%s: got %+v, error %v, want Invalid", what, got, err)
		}
	}
}

// TestGenerate makes a pair that belongs together, also to OpenSSH's own tool.
func TestGenerate(t *testing.T) {
	public, private, err := sshkey.Generate("Generated-by-Stoker")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey([]byte(private))
	if err != nil {
		t.Fatal(err)
	}
	of := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	if !strings.HasPrefix(of, "ssh-rsa ") || public.Line != of+" Generated-by-Stoker" {
		t.Errorf("got %q, want the public key of the private one, %q", public.Line, of)
	}
	if again, err := sshkey.Parse(public.Line); err != nil || again != public {
		t.Errorf("parsed again: got %+v, error %v, want %+v", again, err, public)
	}
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("ssh-keygen is not installed (apt-get install openssh-client)")
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(private), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ssh-keygen", "-y", "-f", file).Output()
	if err != nil || !strings.HasPrefix(strings.TrimSpace(string(out)), of) {
		t.Errorf("ssh-keygen says %q, error %v, want %q", out, err, of)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(ed25519)
	f.Add(`no-pty ` + ed25519 + " x")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := sshkey.Parse(text)
		if err != nil {
			return
		}
		if strings.ContainsAny(got.Line, "\r\n") {
			t.Errorf("%q has line ends in it", got.Line)
		}
		if again, err := sshkey.Parse(got.Line); err != nil || again.Fingerprint != got.Fingerprint {
			t.Errorf("%q is read as %+v, error %v", got.Line, again, err)
		}
	})
}
