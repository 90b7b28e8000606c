package selfsigned_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
	"time"

	"github.com/stoker-project/stoker/internal/selfsigned"
)

// pair gives a new certificate, which fits its key.
func pair(t *testing.T, now time.Time) tls.Certificate {
	t.Helper()
	text, err := selfsigned.Make(now)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.X509KeyPair(text, text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMake(t *testing.T) {
	now := time.Now()
	leaf := pair(t, now).Leaf
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(leaf)
	for _, host := range hosts {
		for _, at := range []time.Time{now.Add(-time.Minute), now.Add(selfsigned.Validity - time.Minute)} {
			if _, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: trusted, CurrentTime: at}); err != nil {
				t.Errorf("certificate for %s at %v, by one who trusts it: %v", host, at, err)
			}
		}
	}
	if other := pair(t, now).Leaf; other.SerialNumber.Cmp(leaf.SerialNumber) == 0 || other.Equal(leaf) {
		t.Error("made twice: got the same certificate, want another serial number and key")
	}
}

func TestFresh(t *testing.T) {
	now := time.Now()
	c := pair(t, now)
	old := now.Add(selfsigned.Validity - selfsigned.Margin)
	for _, s := range []struct {
		name string
		cert *tls.Certificate
		at   time.Time
		want bool
	}{
		{"none", nil, now, false},
		{"new", &c, now, true},
		{"just before the margin", &c, old.Add(-time.Minute), true},
		{"in the margin", &c, old.Add(time.Minute), false},
		{"ended", &c, now.Add(2 * selfsigned.Validity), false},
	} {
		if got := selfsigned.Fresh(s.cert, s.at); got != s.want {
			t.Errorf("%s: got fresh %v, want %v", s.name, got, s.want)
		}
	}
}
