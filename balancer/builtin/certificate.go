package builtin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
)

// certificate gives what a listener shows, nil if it speaks no TLS.
func (p *pool) certificate(l stoker.Listener) (*tls.Certificate, error) {
	if l.Protocol != stoker.ProtocolHTTPS {
		return nil, nil
	}
	if l.Certificate+l.Key == "" {
		return p.b.certs.get(time.Now())
	}
	c, err := tls.X509KeyPair([]byte(l.Certificate), []byte(l.Key))
	if err != nil {
		return nil, stoker.Errorf(stoker.Invalid, "certificate for %s: %w", hostPort(l.Address, l.Port), err)
	}
	return &c, nil
}

// The self-made certificate is made anew this long before it ends.
const (
	selfMadeFile     = "self-made.pem"
	selfMadeValidity = 5 * 365 * 24 * time.Hour
	selfMadeMargin   = 30 * 24 * time.Hour
)

// selfMade keeps the certificate for listeners that were given none.
type selfMade struct {
	dir string

	mu   sync.Mutex
	cert *tls.Certificate
}

// get gives the certificate: the one in memory, the one on disk or a new one.
func (s *selfMade) get(now time.Time) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if fresh(s.cert, now) {
		return s.cert, nil
	}
	c, err := s.load()
	if err != nil {
		return nil, err
	}
	if !fresh(c, now) {
		if c, err = s.make(now); err != nil {
			return nil, fmt.Errorf("make a certificate: %w", err)
		}
	}
	s.cert = c
	return c, nil
}

func fresh(c *tls.Certificate, now time.Time) bool {
	return c != nil && now.Add(selfMadeMargin).Before(c.Leaf.NotAfter)
}

// load gives nil when there is none on disk.
func (s *selfMade) load() (*tls.Certificate, error) {
	if s.dir == "" {
		return nil, nil
	}
	path := filepath.Join(s.dir, selfMadeFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the self-made certificate: %w", err)
	}
	c, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil, fmt.Errorf("read the self-made certificate %s: %w", path, err)
	}
	return &c, nil
}

func (s *selfMade) make(now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	data, err := selfSigned(key, now)
	if err != nil {
		return nil, err
	}
	if err := s.save(data); err != nil {
		return nil, err
	}
	c, err := tls.X509KeyPair(data, data)
	return &c, err
}

// selfSigned gives a certificate for this machine and its key, in PEM.
func selfSigned(key *ecdsa.PrivateKey, now time.Time) ([]byte, error) {
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

// save replaces the file as a whole, so that a crash leaves the old or the new.
func (s *selfMade) save(data []byte) error {
	if s.dir == "" {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, selfMadeFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(s.dir, selfMadeFile))
}
