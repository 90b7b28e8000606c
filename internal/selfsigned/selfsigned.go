// Package selfsigned makes certificates that nobody else has signed, for those
// who want TLS and have none. It keeps none: where one is stored, and who may
// replace it, is up to the callers.
package selfsigned

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"time"
)

const (
	// Validity is how long a certificate lasts.
	Validity = 5 * 365 * 24 * time.Hour
	// Margin is how long before its end a certificate is not fresh any more.
	Margin = 30 * 24 * time.Hour
)

// Fresh tells whether a certificate may still be used, or a new one should be
// made. It is false for nil.
func Fresh(c *tls.Certificate, now time.Time) bool {
	return c != nil && now.Add(Margin).Before(c.Leaf.NotAfter)
}

// Make gives a certificate for this machine and its new key, in PEM.
func Make(now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template, err := describe(now)
	if err != nil {
		return nil, err
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

// describe says what the certificate is for: the names this machine has for
// itself.
func describe(now time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "localhost" {
		names = append(names, host)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"Stoker"}, CommonName: "self-made"},
		NotBefore:    now.Add(-time.Hour), // clocks differ
		NotAfter:     now.Add(Validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     names,
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},

		BasicConstraintsValid: true,
	}, nil
}
