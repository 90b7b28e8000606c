package balancertest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

var tlsCases = []testCase{
	{"https with a self-made certificate", []Ability{Traffic, TLS}, tlsSelfMade},
	{"https with a given certificate, changed in place", []Ability{Traffic, TLS}, tlsGiven},
	{"certificate that is none is invalid", []Ability{TLS}, tlsInvalid},
	{"HTTP/2 with prior knowledge", []Ability{Traffic, H2C}, h2c},
}

func (s *suite) tlsPool(cert, key string) stoker.Pool {
	p := s.pool()
	l := s.listener(stoker.ProtocolHTTPS)
	l.Certificate, l.Key = cert, key
	p.Listeners = []stoker.Listener{l}
	return p
}

// handshake gets the first answer by a new connection.
func (s *suite) handshake(url string) *http.Response {
	s.Helper()
	tr := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr, Timeout: patience}).Get(url + "/echo")
	if err != nil {
		s.Fatalf("GET %s: %v", url, err)
	}
	return resp
}

func tlsSelfMade(s *suite) {
	st := s.setPool(s.tlsPool("", ""))
	s.join(s.backend("a"))
	s.wantText("URL", st.URLs[0], "https://")
	resp := s.handshake(st.URLs[0])
	body := s.read(resp)
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
		s.Errorf("answer: got %s over %s, want 200 over HTTP/2", resp.Status, resp.Proto)
	}
	s.wantText("what the member saw", body, "X-Forwarded-Proto: https")
}

func tlsGiven(s *suite) {
	cert, key := s.pair("one.example")
	p := s.tlsPool(cert, key)
	st := s.setPool(p)
	s.join(s.backend("a"))
	name := func() string {
		resp := s.handshake(st.URLs[0])
		s.read(resp)
		return resp.TLS.PeerCertificates[0].DNSNames[0]
	}
	if got := name(); got != "one.example" {
		s.Errorf("certificate: got %s, want one.example", got)
	}
	p.Listeners[0].Certificate, p.Listeners[0].Key = s.pair("two.example")
	if again := s.setPool(p); again.Addresses[0] != st.Addresses[0] {
		s.Errorf("address after the change: got %s, want %s", again.Addresses[0], st.Addresses[0])
	}
	s.eventually("the new certificate is shown", func() bool { return name() == "two.example" })
}

func tlsInvalid(s *suite) {
	_, err := s.b.SetPool(s.Context(), s.tlsPool("rubbish", "rubbish"))
	s.wantKind("SetPool", err, stoker.Invalid)
}

func h2c(s *suite) {
	st := s.setPool(s.pool())
	s.join(s.backend("a"))
	tr := &http.Transport{Protocols: &http.Protocols{}}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, st.URLs[0]+"/echo", strings.NewReader("hello"))
	resp, err := tr.RoundTrip(req)
	if err != nil {
		s.Fatal(err)
	}
	if body := s.read(resp); resp.ProtoMajor != 2 || !strings.HasSuffix(body, "hello") {
		s.Errorf("answer: got %q over %s, want the echo over HTTP/2", body, resp.Proto)
	}
}

// pair makes a certificate and its key in PEM.
func (s *suite) pair(name string) (cert, key string) {
	s.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.Fatal(err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, k.Public(), k)
	if err != nil {
		s.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		s.Fatal(err)
	}
	encode := func(kind string, data []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", secret)
}
