package listen_test

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/listen"
)

func TestError(t *testing.T) {
	const at = "192.0.2.1:80"
	wrapped := func(errno syscall.Errno) error {
		return &net.OpError{Op: "listen", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}, Err: os.NewSyscallError("bind", errno)}
	}
	for _, c := range []struct {
		err  error
		kind stoker.Kind
		want string
	}{
		{wrapped(syscall.EADDRINUSE), stoker.Conflict, "listen on " + at + ": address already in use. Choose another port, or stop what listens there."},
		{wrapped(syscall.EACCES), stoker.Forbidden, "listen on " + at + ": permission denied. Choose a port above 1023, or allow this one to Stoker."},
		{wrapped(syscall.EADDRNOTAVAIL), stoker.Invalid, "listen on " + at + ": cannot assign requested address. Choose an address that this machine has."},
		{wrapped(syscall.EMFILE), stoker.Unavailable, "listen on " + at + ": too many open files"},
		{errors.New("the cable is out"), stoker.Unavailable, "listen on " + at + ": the cable is out"},
	} {
		got := listen.Error(at, c.err)
		if got.Error() != c.want || !stoker.IsKind(got, c.kind) {
			t.Errorf("%v: got %q, want %q of kind %s", c.err, got, c.want, c.kind)
		}
	}
}

func TestErrorOfASocket(t *testing.T) {
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	at := first.Addr().String()
	_, err = net.Listen("tcp", at)
	got := listen.Error(at, err)
	if !stoker.IsKind(got, stoker.Conflict) || strings.Count(got.Error(), at) != 1 {
		t.Errorf("the address of another: got %v, want Conflict that names it once", got)
	}
}
