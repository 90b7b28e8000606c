package builtin_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/builtin"
)

func benchPool(b *testing.B, p stoker.Pool) (*builtin.Balancer, string) {
	b.Helper()
	bal := builtin.New(builtin.Config{})
	b.Cleanup(bal.Close)
	p.ID = "p"
	p.Listeners = []stoker.Listener{{Protocol: stoker.ProtocolHTTP}}
	st, err := bal.SetPool(b.Context(), p)
	if err != nil {
		b.Fatal(err)
	}
	return bal, st.URLs[0]
}

// BenchmarkGet includes a client and a server of net/http.
func BenchmarkGet(b *testing.B) {
	bal, url := benchPool(b, stoker.Pool{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	b.Cleanup(srv.Close)
	if err := bal.SetMember(b.Context(), "p", stoker.Member{ID: "a", Address: srv.Listener.Addr().String()}); err != nil {
		b.Fatal(err)
	}
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	b.Cleanup(c.CloseIdleConnections)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := c.Get(url)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
}

func BenchmarkStats(b *testing.B) {
	for _, n := range []int{10, 2000} {
		b.Run(fmt.Sprintf("%d-members", n), func(b *testing.B) {
			bal, _ := benchPool(b, stoker.Pool{})
			for i := range n {
				m := stoker.Member{ID: stoker.MemberID(fmt.Sprint(i)), Address: "127.0.0.1:1"}
				if err := bal.SetMember(b.Context(), "p", m); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if _, err := bal.Stats(b.Context(), "p"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
