package builtin

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/selfsigned"
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

const selfMadeFile = "self-made.pem"

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
	if selfsigned.Fresh(s.cert, now) {
		return s.cert, nil
	}
	c, err := s.load()
	if err != nil {
		return nil, err
	}
	if !selfsigned.Fresh(c, now) {
		if c, err = s.make(now); err != nil {
			return nil, fmt.Errorf("make a certificate: %w", err)
		}
	}
	s.cert = c
	return c, nil
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
	data, err := selfsigned.Make(now)
	if err != nil {
		return nil, err
	}
	if err := s.save(data); err != nil {
		return nil, err
	}
	c, err := tls.X509KeyPair(data, data)
	return &c, err
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
