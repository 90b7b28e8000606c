package docker_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/docker"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
)

// guestProgram builds the guest, which is Stoker itself, once.
var guestProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "guest")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "stoker")
	cmd := exec.Command("go", "build", "-o", file, "../../cmd/stoker")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	cmd.Stderr = os.Stderr
	return file, cmd.Run()
})

// debianTag is what images of the tests call the Debian that is imported once.
const debianTag = "test/debian:1"

// newGuestWorld has images that run Debian in several ways.
func newGuestWorld(t *testing.T, args ...string) *world {
	t.Helper()
	daemon := dockerdtest.New(t, args...)
	tar := dockerdtest.Debian(t)
	program, err := guestProgram()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, daemon)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute) // there is more to do than elsewhere
	t.Cleanup(cancel)
	w.ctx = ctx
	w.cfg.Guest = program
	w.cfg.Inside = inside()
	for name, command := range map[string][]string{
		"sleeps": {"sleep", "1000"}, "shell": {"/bin/bash"}, "daemon": {"python3", "-m", "http.server", "8080"}, "status": {"sh", "-c", "sleep 1; exit 7"},
		"reacts": {"sh", "-c", "trap 'echo hup' HUP; trap 'echo term; exit 5' TERM; echo listening; while :; do sleep 0.1; done"},
	} {
		w.cfg.Images[name] = docker.Image{Image: debianTag, Command: command}
	}
	w.cfg.Images["nobody"] = docker.Image{Image: debianTag, Command: []string{"sh", "-c", "id; pwd; echo home $HOME; sleep 1000"}, User: "nobody:www-data"}
	w.cfg.Images["debian"] = docker.Image{Import: tar}
	w.reopen()
	w.create("first", stoker.ServerSpec{Image: "debian"})
	inspected, err := w.docker.ContainerInspect(w.ctx, string(w.find("first").ID), client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.docker.ImageTag(w.ctx, client.ImageTagOptions{Source: inspected.Container.Image, Target: debianTag}); err != nil {
		t.Fatal(err)
	}
	return w
}

// run makes a server with user data that is waited for.
func (w *world) run(token stoker.ServerToken, image, userData string) stoker.Server {
	w.Helper()
	s := w.create(token, stoker.ServerSpec{Image: image, UserData: userData, AwaitUserData: true, Keys: map[string]string{"me": "ssh-ed25519 AAAA me"}})
	w.until(fmt.Sprintf("the user data of %s has run", token), func() bool { s = w.find(token); return s.State != stoker.ServerBuild })
	return s
}

// runs is run for user data that ends well.
func (w *world) runs(token stoker.ServerToken, image, userData string) {
	w.Helper()
	if s := w.run(token, image, userData); s.State != stoker.ServerActive {
		w.Fatalf("%s: got %s, %s; log:\n%s", token, s.State, s.Reason, w.said(token))
	}
}

// shell runs a script inside of a server and gives its output.
func (w *world) shell(token stoker.ServerToken, script string) string {
	w.Helper()
	made, err := w.docker.ExecCreate(w.ctx, string(w.find(token).ID), client.ExecCreateOptions{AttachStdout: true, AttachStderr: true, Cmd: []string{"sh", "-c", script}})
	if err != nil {
		w.Fatal(err)
	}
	got, err := w.docker.ExecAttach(w.ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		w.Fatal(err)
	}
	defer got.Close()
	text, err := io.ReadAll(docker.Demux(w.ctx, io.NopCloser(got.Reader)))
	if err != nil {
		w.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func (w *world) said(token stoker.ServerToken) string {
	w.Helper()
	r, err := w.driver.Logs(w.ctx, token, -1, false)
	if err != nil {
		w.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

// wantAll looks for texts in a server, by the script that shows each.
func (w *world) wantAll(token stoker.ServerToken, want map[string]string) {
	w.Helper()
	for script, text := range want {
		if got := w.shell(token, script); !strings.Contains(got, text) {
			w.Errorf("%s: %s: got %q, want %q", token, script, got, text)
		}
	}
}

func (w *world) signal(token stoker.ServerToken, signal string) {
	w.Helper()
	if _, err := w.docker.ContainerKill(w.ctx, string(w.find(token).ID), client.ContainerKillOptions{Signal: signal}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) ends(token stoker.ServerToken) string {
	w.Helper()
	s, err := w.driver.Wait(w.ctx, token)
	if err != nil {
		w.Fatal(err)
	}
	return s.Reason
}

// TestGuest is the guest in a real container, with a real Debian.
func TestGuest(t *testing.T) {
	w := newGuestWorld(t)
	for _, test := range []struct {
		name string
		run  func(*world)
	}{
		{"script", guestScript}, {"cloud-config", guestConfig}, {"multipart", guestMultipart}, {"failure", guestFailure},
		{"packages", guestPackages}, {"process 1", guestSignals}, {"services", guestServices}, {"init", guestInit}, {"user", guestUser},
		{"once", guestOnce}, {"restart of Stoker", guestRestart}, {"hostile report", guestHostile}, {"without user data", guestNone},
	} {
		t.Run(test.name, func(t *testing.T) {
			outer := w.T
			w.T = t
			defer func() { w.T = outer }()
			test.run(w)
		})
	}
}

func guestScript(w *world) {
	w.runs("script", "sleeps", "#!/usr/bin/python3\nimport os\nprint('hello', os.environ['HOME'], os.environ['INSTANCE_ID'], os.getcwd())\nopen('/made','w').write('yes')\n")
	w.wantAll("script", map[string]string{
		"cat /made": "yes", "cat /var/log/cloud-init-output.log": "hello /root ", "cat /run/cloud-init/result.json": `"errors":[]`,
		"cat /var/lib/cloud/instance/user-data.txt": "import os", "cat /var/lib/cloud/instance/boot-finished": "stoker",
		"cat /root/.ssh/authorized_keys": "ssh-ed25519 AAAA me", "stat -c %a /root/.ssh /root/.ssh/authorized_keys": "700\n600",
		"tr '\\0' ' ' </proc/1/cmdline": "guest guest", "grep -c . /var/lib/cloud/data/instance-id": "1",
	})
	if got := w.said("script"); !strings.Contains(got, "hello /root ") || !strings.Contains(got, "user data: done") {
		w.Errorf("the log lacks the output: %q", got)
	}
	if id := w.shell("script", "curl -s http://169.254.169.254/who"); !strings.HasPrefix(id, "script sleeps") {
		w.Errorf("metadata service: got %q", id)
	}
	// The service is there before the script runs.
	w.runs("asks", "sleeps", "#!/bin/sh\ncurl -sf http://169.254.169.254/who > /told && curl -sf http://127.0.0.1:8004/ >> /told\n")
	w.wantAll("asks", map[string]string{"cat /told": "asks sleeps"})
}

const config1 = `#cloud-config
bootcmd:
  - echo boot $INSTANCE_ID > /boot-order
  - [sh, -c, 'echo "a  b" >> /boot-order']
write_files:
  - {path: /etc/app/one.conf, content: "one\n", permissions: '0640', owner: 'daemon:adm'}
  - {path: /opt/two, content: !!binary dHdvCg==, encoding: text/plain}
  - {path: /opt/three, content: dGhyZWUK, encoding: b64}
  - {path: /opt/four, content: "%s", encoding: gz+b64}
  - {path: /etc/app/one.conf, content: "more\n", append: true}
  - {path: /home/ann/late, content: late, owner: 'ann:ann', defer: true}
groups:
  - makers: [daemon]
  - idlers
users:
  - default
  - name: ann
    gecos: Ann Example
    groups: makers, idlers
    shell: /bin/bash
    sudo: ALL=(ALL) NOPASSWD:ALL
    ssh_authorized_keys: ["ssh-rsa BBBB ann"]
    lock_passwd: false
    plain_text_passwd: secret
  - {name: svc, system: true, uid: 777}
ssh_authorized_keys: ["ssh-rsa CCCC all"]
chpasswd: {list: "root:other\n", expire: false}
hostname: web
fqdn: web.example.org
manage_etc_hosts: true
timezone: Etc/UTC
locale: de_DE.UTF-8
ntp: {enabled: true}
nonsense: 1
ca_certs:
  trusted: ["-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"]
runcmd:
  - echo run >> /boot-order
  - [touch, "/file with 'quotes'"]
  - date > /ran
final_message: "all done after $UPTIME seconds"
`

func guestConfig(w *world) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	fmt.Fprintln(z, "four")
	z.Close()
	w.runs("config", "sleeps", fmt.Sprintf(config1, base64.StdEncoding.EncodeToString(zipped.Bytes())))
	w.wantAll("config", map[string]string{
		"cat /boot-order": "a  b\nrun", "cat /etc/app/one.conf": "one\nmore", "stat -c '%a %U %G' /etc/app/one.conf": "644 root root",
		"cat /opt/two": "two", "cat /opt/three": "three", "cat /opt/four": "four", "cat /home/ann/late; stat -c %U /home/ann/late": "lateann",
		"id ann": "makers", "getent passwd ann": "Ann Example:/home/ann:/bin/bash", "id -nG daemon": "makers", "id -u svc": "777",
		"cat /home/ann/.ssh/authorized_keys": "ssh-rsa BBBB ann", "cat /etc/sudoers.d/90-cloud-init-users": "ann ALL=(ALL) NOPASSWD:ALL",
		"cat /root/.ssh/authorized_keys": "ssh-rsa CCCC all", "getent shadow ann": "ann:$", "getent shadow root": "root:$", "cat /etc/hostname": "web",
		"cat /etc/hosts": "127.0.1.1 web.example.org web", "readlink /etc/localtime": "Etc/UTC", "cat /etc/default/locale": "LANG=de_DE.UTF-8",
		"ls /usr/local/share/ca-certificates": "cloud-init-ca-cert-1.crt", "ls /": "file with 'quotes'",
	})
	for _, want := range []string{"all done after", "warning: cloud-config: nonsense is not known", "warning: cloud-config: ntp is left out"} {
		if got := w.said("config"); !strings.Contains(got, want) {
			w.Errorf("the log lacks %q: %s", want, got)
		}
	}
}

func guestMultipart(w *world) {
	message := strings.ReplaceAll(`Content-Type: multipart/mixed; boundary="=="
MIME-Version: 1.0

--==
Content-Type: text/cloud-config

runcmd: [echo one >> /order]
write_files: [{path: /first, content: x}]
--==
Content-Type: text/cloud-config
Merge-Type: list(append)+dict(recurse_array)+str()

runcmd: [echo two >> /order]
--==
Content-Type: text/x-shellscript
Content-Disposition: attachment; filename="script.sh"
Content-Transfer-Encoding: base64

`+base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\necho script >> /order\n"))+`
--==
Content-Type: text/cloud-boothook

#!/bin/sh
echo hook >> /order
--==
Content-Type: multipart/mixed; boundary="++"

--++
Content-Type: text/plain

#!/bin/sh
echo inner >> /order
--++--
--==--
`, "\n", "\r\n")
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, message)
	z.Close()
	w.runs("multi", "sleeps", zipped.String())
	w.wantAll("multi", map[string]string{"tr '\\n' ' ' </order": "hook script inner one two", "cat /first": "x"})
}

func guestFailure(w *world) {
	s := w.run("fails", "sleeps", "#!/bin/sh\necho working\necho 'it breaks' >&2\nexit 3\n")
	if s.State != stoker.ServerError || !strings.Contains(s.Reason, "script part-001: exit status 3; last lines: working\nit breaks") {
		w.Errorf("got %s %q, want ERROR with the step and its last lines", s.State, s.Reason)
	}
	if got := w.ends("fails"); got != s.Reason {
		w.Errorf("wait: got %q, want %q", got, s.Reason)
	}
	w.wantAll("fails", map[string]string{"cat /run/cloud-init/result.json": "exit status 3", "ls /var/lib/cloud/instance": "boot-finished"})

	// Nobody waits: the server is there, and says what happened.
	w.create("notes", stoker.ServerSpec{Image: "sleeps", UserData: "#!/bin/none\n"})
	w.until("the failure is noted", func() bool { s = w.find("notes"); return len(s.Notes) > 0 })
	if s.State != stoker.ServerActive || !strings.Contains(s.Notes[0], "the image has no /bin/none") {
		w.Errorf("got %s %q, want ACTIVE with a note", s.State, s.Notes)
	}

	for data, want := range map[string]string{
		"#cloud-config\nruncmd: [\n": "cloud-config:", "#part-handler\n": "part handlers are not run", "#upstart-job\n": "no upstart",
		"#include http://127.0.0.1:9/x\n": "include http://127.0.0.1:9/x",
	} {
		token := stoker.ServerToken("bad-" + fmt.Sprint(len(data)))
		if s := w.run(token, "sleeps", data); s.State != stoker.ServerError || !strings.Contains(s.Reason, want) {
			w.Errorf("%q: got %s %q, want %q", data, s.State, s.Reason, want)
		}
		w.destroy(token, 0)
	}
}

// guestPackages: there is no network, so what is there counts, and what is not fails.
func guestPackages(w *world) {
	w.runs("has", "sleeps", "#cloud-config\npackages: [curl, procps]\n")
	s := w.run("lacks", "sleeps", "#cloud-config\npackages: [curl, no-such-thing, [other, '1.2']]\nruncmd: [touch /after]\n")
	if s.State != stoker.ServerError || !strings.Contains(s.Reason, "packages: install packages: exit status 100") || !strings.Contains(s.Reason, "no-such-thing") {
		w.Errorf("got %s %q, want what apt-get said", s.State, s.Reason)
	}
	w.wantAll("lacks", map[string]string{"ls /after": "/after"})
}

func guestSignals(w *world) {
	w.runs("signals", "reacts", "#!/bin/sh\nsh -c 'sleep 0.2 & sleep 0.1' &\n")
	w.until("the command listens", func() bool { return strings.Contains(w.said("signals"), "listening") })
	w.signal("signals", "HUP")
	w.until("SIGHUP is handed on", func() bool { return strings.Contains(w.said("signals"), "hup") })
	// A process whose parents have gone is collected.
	w.shell("signals", "sh -c 'for i in 1 2 3 4 5; do (sleep 0.05 &) ; done'")
	w.until("there is no zombie", func() bool {
		return w.shell("signals", "grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null; true") == ""
	})
	w.signal("signals", "TERM")
	if got := w.ends("signals"); !strings.Contains(got, "exited with status 5") || !strings.Contains(got, "term") {
		w.Errorf("got %q, want the command's own status", got)
	}

	w.runs("status", "sleeps", "#!/bin/sh\ntrue\n")
	w.shell("status", "pkill -9 -x sleep")
	if got := w.ends("status"); !strings.Contains(got, "exited with status 137") {
		w.Errorf("killed: got %q, want status 137", got)
	}
	w.create("seven", stoker.ServerSpec{Image: "status", UserData: "#!/bin/sh\nsleep 1000\n"})
	if got := w.ends("seven"); !strings.Contains(got, "exited with status 7") {
		w.Errorf("got %q, want status 7 although the user data had not ended", got)
	}
}

// guestServices: an image without a command runs its own services.
func guestServices(w *world) {
	cron := "#cloud-config\nwrite_files: [{path: /etc/cron.d/t, content: \"* * * * * root touch /cron-ran\\n\"}]\nruncmd: [sleep 0.1]\n"
	w.runs("cron", "debian", cron)
	w.runs("shell", "shell", "#!/bin/sh\nnohup sleep 1000 &\n")
	for _, token := range []stoker.ServerToken{"cron", "shell", "first"} {
		w.until(string(token)+" runs cron", func() bool { return w.shell(token, "pgrep -x cron") != "" })
	}
	w.until("cron has run its job", func() bool { return w.shell("cron", "ls /cron-ran") == "/cron-ran" })
	begin := time.Now()
	w.destroy("shell", 30*time.Second)
	if took := time.Since(begin); took > 15*time.Second {
		w.Errorf("stopping the services took %s", took)
	}
}

// guestInit hands over to an init: BusyBox's.
func guestInit(w *world) {
	data := "#cloud-config\nbootcmd:\n  - ln -sf /bin/busybox /opt/init\n  - \"echo '::respawn:/bin/sleep 777' > /etc/inittab\"\n  - \"echo '::sysinit:/usr/bin/touch /init-ran' >> /etc/inittab\"\nruncmd: [touch /ran]\n"
	w.cfg.Images["init"] = docker.Image{Image: debianTag, Entrypoint: []string{"/opt/init"}}
	w.reopen()
	s := w.run("init", "init", data)
	if s.State != stoker.ServerActive {
		w.Fatalf("got %s %q; log %s", s.State, s.Reason, w.said("init"))
	}
	w.until("init runs its services", func() bool { return w.shell("init", "pgrep -f 'sleep 777'") != "" })
	w.wantAll("init", map[string]string{"cat /proc/1/comm": "init", "ls /ran /init-ran": "/init-ran\n/ran"})
}

func guestUser(w *world) {
	w.runs("nobody", "nobody", "#!/bin/sh\nid -u > /root/who\n")
	w.until("the command has told who it is", func() bool { return strings.Contains(w.said("nobody"), "home ") })
	if got := w.said("nobody"); !strings.Contains(got, "uid=65534(nobody) gid=33(www-data)") || !strings.Contains(got, "home /nonexistent") {
		w.Errorf("got %q, want the command to run as the image's user", got)
	}
	w.wantAll("nobody", map[string]string{"cat /root/who": "0"})
}

// guestOnce: a restart of the container boots again, and runs nothing twice.
func guestOnce(w *world) {
	w.runs("once", "sleeps", "#cloud-config\nbootcmd: [echo boot >> /count]\nruncmd: [echo run >> /count]\n")
	if _, err := w.docker.ContainerRestart(w.ctx, string(w.find("once").ID), client.ContainerRestartOptions{}); err != nil {
		w.Fatal(err)
	}
	w.until("it has booted again", func() bool { return strings.Count(w.shell("once", "cat /count"), "boot") == 2 })
	if got := w.find("once"); got.State != stoker.ServerActive {
		w.Errorf("got %s %q, want ACTIVE", got.State, got.Reason)
	}
	if got := w.shell("once", "sleep 0.5; grep -c run /count"); got != "1" {
		w.Errorf("got %s runs, want 1", got)
	}
}

// guestRestart: a report that is written while there is no Stoker is found.
func guestRestart(w *world) {
	slow := "#!/bin/sh\nwhile [ ! -e /go ]; do sleep 0.05; done\n"
	for _, token := range []stoker.ServerToken{"good", "bad"} {
		if s := w.create(token, stoker.ServerSpec{Image: "sleeps", UserData: slow + map[stoker.ServerToken]string{"good": "exit 0", "bad": "exit 9"}[token], AwaitUserData: true}); s.State != stoker.ServerBuild {
			w.Errorf("%s: got %s, want BUILD", token, s.State)
		}
	}
	bad, good := string(w.find("bad").ID), string(w.find("good").ID)
	if err := w.driver.Close(); err != nil {
		w.Fatal(err)
	}
	for _, id := range []string{bad, good} {
		made, err := w.docker.ExecCreate(w.ctx, id, client.ExecCreateOptions{Cmd: []string{"touch", "/go"}})
		if err == nil {
			_, err = w.docker.ExecStart(w.ctx, made.ID, client.ExecStartOptions{Detach: true})
		}
		if err != nil {
			w.Fatal(err)
		}
	}
	w.until("the report is there", func() bool {
		for _, token := range []string{"bad", "good"} {
			if _, err := os.Stat(filepath.Join(w.cfg.Dir, "servers", token, "report", "user_data.json")); err != nil {
				return false
			}
		}
		return true
	})
	w.start()
	if s := w.find("good"); s.State != stoker.ServerActive {
		w.Errorf("got %s %q, want ACTIVE", s.State, s.Reason)
	}
	if got := w.ends("bad"); !strings.Contains(got, "exit status 9") {
		w.Errorf("got %q, want the failure", got)
	}
}

// guestHostile: what a server writes as its report is not believed.
func guestHostile(w *world) {
	for name, script := range map[string]string{
		"link": "ln -sf /etc/shadow R", "pipe": "mkfifo R", "folder": "mkdir R", "large": "head -c 100000 /dev/zero > R", "nonsense": "echo hello > R",
	} {
		script = "#!/bin/sh\n" + strings.ReplaceAll(script, "R", "/etc/stoker/report/user_data.json") + "\nsleep 1000\n"
		s := w.run(stoker.ServerToken("hostile-"+name), "sleeps", script)
		if s.State != stoker.ServerError || !strings.Contains(s.Reason, "user data failed") || strings.Contains(s.Reason, "root:") {
			w.Errorf("%s: got %s %q, want ERROR", name, s.State, s.Reason)
		}
		w.destroy(s.Token, 0)
	}
}

// guestNone: a server without user data is what the image says.
func guestNone(w *world) {
	w.create("plain", stoker.ServerSpec{Image: "sleeps"})
	w.wantAll("plain", map[string]string{"tr '\\0' ' ' </proc/1/cmdline": "sleep 1000"})
}
