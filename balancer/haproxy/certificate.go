package haproxy

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/selfsigned"
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

const selfMadeFile = "self-made.pem"

// selfMade gives the certificate for listeners that were given none: that of
// the file, or a new one.
func selfMade(file string, now time.Time) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if pair, err := tls.X509KeyPair(text, text); err == nil && selfsigned.Fresh(&pair, now) {
		return string(text), nil
	}
	if text, err = selfsigned.Make(now); err != nil {
		return "", err
	}
	return string(text), writeFile(file, text)
}
