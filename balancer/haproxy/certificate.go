package haproxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// certDir holds the certificates, one file for each with its key, named by
// their content: another certificate is another file, and so another layout.
const certDir = "certs"

// certify writes the certificates of a pool's listeners.
func (k *keeper) certify(p *pool) error {
	p.certs = make([]string, len(p.want.Listeners))
	for i, l := range p.want.Listeners {
		if l.Protocol != stoker.ProtocolHTTPS {
			continue
		}
		text, err := k.pair(l)
		if err != nil {
			return err
		}
		p.certs[i] = path.Join(certDir, hash(text)+".pem")
		if err := writeFile(k.host.path(p.certs[i]), []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// pair gives certificate and key of a listener, as HAProxy reads them.
func (k *keeper) pair(l stoker.Listener) (string, error) {
	if l.Certificate+l.Key == "" {
		return selfMade(k.host.path(selfMadeFile), time.Now())
	}
	if _, err := tls.X509KeyPair([]byte(l.Certificate), []byte(l.Key)); err != nil {
		return "", stoker.Errorf(stoker.Invalid, "certificate for %s: %w", hostPort(l), err)
	}
	return l.Certificate + "\n" + l.Key + "\n", nil
}

// sweep removes certificates that no pool has.
func (k *keeper) sweep() {
	files, err := filepath.Glob(k.host.path(path.Join(certDir, "*.pem")))
	if err != nil {
		return
	}
	for _, f := range files {
		used := false
		for _, p := range k.pools {
			used = used || slices.Contains(p.certs, path.Join(certDir, filepath.Base(f)))
		}
		if !used {
			_ = os.Remove(f) // the next sweep tries again
		}
	}
}

// The self-made certificate is made anew this long before it ends.
const (
	selfMadeFile     = "self-made.pem"
	selfMadeValidity = 5 * 365 * 24 * time.Hour
	selfMadeMargin   = 30 * 24 * time.Hour
)

// selfMade gives the certificate for listeners that were given none: that of
// the file, or a new one.
func selfMade(file string, now time.Time) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if pair, err := tls.X509KeyPair(text, text); err == nil && now.Add(selfMadeMargin).Before(pair.Leaf.NotAfter) {
		return string(text), nil
	}
	if text, err = selfSigned(now); err != nil {
		return "", err
	}
	return string(text), writeFile(file, text)
}

// selfSigned gives a certificate for this machine and its key, in PEM.
func selfSigned(now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "localhost" {
		names = append(names, host)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"Stoker"}, CommonName: "self-made"},
		NotBefore:    now.Add(-time.Hour), // clocks differ
		NotAfter:     now.Add(selfMadeValidity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     names,
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},

		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return append(out, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...), nil
}
