package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
)

// patience is how long an answer may take; silence is what most tests of it want.
const patience = 200 * time.Millisecond

// talks are the connections that this server has made for others.
type talks struct {
	mu   sync.Mutex
	list []func() error // says something and hears the answer
}

// serveTalk has the server connect to addresses (/dial gives a number), and say
// something over the connection of a number (/say). It answers to UDP at its own port.
func serveTalk(at string) {
	var t talks
	http.HandleFunc("/dial", func(w http.ResponseWriter, r *http.Request) {
		say, err := dial(r.FormValue("network"), r.FormValue("address"))
		if err == nil {
			err = say()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusGatewayTimeout)
			return
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.list = append(t.list, say)
		fmt.Fprint(w, len(t.list)-1)
	})
	http.HandleFunc("/say", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("number"))
		t.mu.Lock()
		say := t.list[n]
		t.mu.Unlock()
		if err := say(); err != nil {
			http.Error(w, err.Error(), http.StatusGatewayTimeout)
		}
	})
	serveLinks()
	go echo(at)
}

func echo(at string) {
	l, err := net.ListenPacket("udp", at)
	if err != nil {
		fmt.Println(err)
		return
	}
	b := make([]byte, 1500)
	for {
		n, from, err := l.ReadFrom(b)
		if err != nil {
			return
		}
		l.WriteTo(b[:n], from)
	}
}

func dial(network, address string) (say func() error, err error) {
	if network == "icmp" {
		return ping(net.ParseIP(address))
	}
	c, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return nil, err
	}
	return func() error {
		c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Write([]byte("GET /hello HTTP/1.1\r\nHost: app\r\n\r\n")); err != nil {
			return err
		}
		_, err := c.Read(make([]byte, 1500))
		return err
	}, nil
}

// ping needs no rights in a container of Docker's, and on the machine root's.
func ping(to net.IP) (say func() error, err error) {
	var dst net.Addr = &net.UDPAddr{IP: to}
	c, err := icmp.ListenPacket("udp4", "0.0.0.0")
	if err != nil {
		dst = &net.IPAddr{IP: to}
		c, err = icmp.ListenPacket("ip4:icmp", "0.0.0.0")
	}
	if err != nil {
		return nil, err
	}
	question := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: 7, Seq: 1, Data: []byte("hello")}}
	data, err := question.Marshal(nil)
	if err != nil {
		return nil, err
	}
	return func() error {
		c.SetDeadline(time.Now().Add(patience))
		if _, err := c.WriteTo(data, dst); err != nil {
			return err
		}
		b := make([]byte, 1500)
		for {
			n, _, err := c.ReadFrom(b)
			if err != nil {
				return err
			}
			m, err := icmp.ParseMessage(1, b[:n])
			if err != nil {
				return errors.Join(errors.New("no message of ICMP"), err)
			}
			if m.Type == ipv4.ICMPTypeEchoReply {
				return nil
			}
		}
	}, nil
}

// serveLinks shows the addresses of interfaces, where packets go out (/links), those
// of a name (/resolve), and whether packets can be made by hand (/raw).
func serveLinks() {
	http.HandleFunc("/raw", func(w http.ResponseWriter, _ *http.Request) {
		fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, 0)
		if err != nil {
			fmt.Fprint(w, err)
			return
		}
		syscall.Close(fd)
		fmt.Fprint(w, "permitted")
	})
	http.HandleFunc("/resolve", func(w http.ResponseWriter, r *http.Request) {
		addrs, err := net.DefaultResolver.LookupHost(r.Context(), r.FormValue("name"))
		fmt.Fprint(w, addrs, err)
	})
	http.HandleFunc("/links", func(w http.ResponseWriter, _ *http.Request) {
		links, _ := net.Interfaces()
		for _, l := range links {
			addrs, _ := l.Addrs()
			for _, a := range addrs {
				fmt.Fprintf(w, "%s %s\n", l.HardwareAddr, a)
			}
		}
		routes, _ := os.ReadFile("/proc/net/route")
		for line := range strings.Lines(string(routes)) {
			if f := strings.Fields(line); len(f) > 2 && f[1] == "00000000" {
				n, _ := strconv.ParseUint(f[2], 16, 32)
				fmt.Fprintf(w, "out by %d.%d.%d.%d\n", byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
			}
		}
	})
}
