package haproxysock_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers each line on a socket, like the master: it does not hang up
// before the client has.
func serve(t *testing.T, path string, answer func(line string) string) {
	t.Helper()
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(c).ReadString('\n')
			io.WriteString(c, answer(strings.TrimSpace(line)))
			io.Copy(io.Discard, c)
			c.Close()
		}
	}()
}

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestDo(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	serve(t, path, func(line string) string { return "\n" + line + "?\n\n" })
	c := haproxysock.Client{Path: path}
	if got, err := c.Do(t.Context(), "show info"); got != "show info?" || err != nil {
		t.Errorf("answer: got %q (%v), want show info?", got, err)
	}
	if _, err := c.Do(t.Context(), "a\nb"); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("two lines: got %v, want Invalid", err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	dir := shortDir(t)
	_, err := haproxysock.Client{Path: filepath.Join(dir, "none")}.Do(t.Context(), "show info")
	if !stoker.IsKind(err, stoker.Unavailable) {
		t.Errorf("no socket: got %v, want Unavailable", err)
	}
	path := filepath.Join(dir, "mute")
	ln, err := net.Listen("unix", path) // connects, but nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, err = haproxysock.Client{Path: path, Timeout: 20 * time.Millisecond}.Do(context.Background(), "set dynamic-cookie-key backend b secret")
	if !stoker.IsKind(err, stoker.Unavailable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("mute: got %v, want Unavailable without the secret", err)
	}
}

const table = `# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,type,check_status,check_code,last_chk,hrsp_5xx,ttime,addr,mode,uweight,srv_abrt,algo,
b1,a,1,0,2,1,,31,2402,3565,,0,,4,5,6,7,UP 1/3,3,2,* L7STS,503,"Layer7 wrong status, code: 503",8,9,127.0.0.1:18091,http,10,11,,
b1,BACKEND,0,0,0,1,998,31,2402,3565,0,0,,0,0,0,0,UP,3,1,,,,0,2,,http,3,0,roundrobin,
`

func TestParseStats(t *testing.T) {
	rows, err := haproxysock.ParseStats("\n" + table)
	if err != nil || len(rows) != 2 {
		t.Fatalf("rows: got %v (%v), want 2", rows, err)
	}
	want := haproxysock.Row{
		Proxy: "b1", Server: "a", Type: haproxysock.Server, Status: "UP 1/3", Address: "127.0.0.1:18091", Mode: "http", Weight: 10,
		Current: 2, Queued: 1, Sessions: 31, Answers5xx: 8, ConnectErrors: 4, ServerAborts: 11, ResponseErrors: 5, Retries: 6, Redispatches: 7,
		TotalTime: 9, CheckStatus: "L7STS", CheckCode: 503, CheckText: "Layer7 wrong status, code: 503",
	}
	if rows[0] != want {
		t.Errorf("server: got %+v, want %+v", rows[0], want)
	}
	if rows[1].Type != haproxysock.Backend || rows[1].Algorithm != "roundrobin" {
		t.Errorf("backend: got %+v", rows[1])
	}
	if !rows[0].Is("UP") || rows[0].Is("U") || rows[0].Is("DOWN") {
		t.Errorf("status %q is not told from others", rows[0].Status)
	}
	if _, err := haproxysock.ParseStats("Permission denied"); err == nil {
		t.Error("an answer that is no table: got nil, want an error")
	}
}

func TestParseProcesses(t *testing.T) {
	got := haproxysock.ParseProcesses(`#<PID>          <type>          <reloads>       <uptime>        <version>
5067            master          2 [failed: 1]   0d00h12m10s     2.6.12-1+deb12u4
# workers
21269           worker          0               0d00h00m00s     2.6.12-1+deb12u4
# old workers
18288           worker          1               0d00h01m07s     2.6.12-1+deb12u4
17000           worker          2               0d00h01m07s     2.6.12-1+deb12u4
# programs
`)
	if got.Master != 5067 || got.Failed != 1 || got.Worker != 21269 || !slices.Equal(got.Old, []int{18288, 17000}) || got.Version != "2.6.12-1+deb12u4" {
		t.Errorf("processes: got %+v", got)
	}
}

func TestInfo(t *testing.T) {
	if got := haproxysock.Info("Name: HAProxy\nPid: 42\n", "Pid"); got != "42" {
		t.Errorf("Pid: got %q, want 42", got)
	}
	if got := haproxysock.Info("Name: HAProxy", "Pid"); got != "" {
		t.Errorf("Pid that is not there: got %q", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(table)
	f.Add("# a,b\n\"")
	f.Add("1 master x [failed: -3\n2 worker 0")
	f.Fuzz(func(t *testing.T, text string) {
		rows, _ := haproxysock.ParseStats(text)
		for _, r := range rows {
			if r.Current < 0 || r.Sessions < 0 || r.TotalTime < 0 {
				t.Errorf("negative count in %+v", r)
			}
		}
		p := haproxysock.ParseProcesses(text)
		if p.Master < 0 || p.Worker < 0 || p.Failed < 0 {
			t.Errorf("negative number in %+v", p)
		}
	})
}
