package guest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func quietly(argv []string) error { return exec.Command(argv[0], argv[1:]...).Run() }

// host writes the server's name where programs look for it. The kernel's name is the
// driver's matter: a container may not change it.
func (r *runner) host(h Host) error {
	var errs error
	if h.Name != "" {
		errs = os.WriteFile("/etc/hostname", []byte(h.Name+"\n"), 0o644)
		if err := os.WriteFile("/proc/sys/kernel/hostname", []byte(h.Name), 0o644); err != nil {
			r.say("warning: the kernel's host name stays as it is: %v", err)
		}
	}
	if h.Hosts || h.FQDN != "" {
		names := strings.Join(strings.Fields(h.FQDN+" "+h.Name), " ")
		errs = errors.Join(errs, addLines("/etc/hosts", 0o644, "127.0.1.1 "+names))
	}
	return errs
}

func setTimezone(zone string) error {
	file := filepath.Join("/usr/share/zoneinfo", zone)
	if !exists(file) {
		return fmt.Errorf("the image does not know %s (is the package tzdata there?)", zone)
	}
	if err := os.Remove("/etc/localtime"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return errors.Join(os.Symlink(file, "/etc/localtime"), os.WriteFile("/etc/timezone", []byte(zone+"\n"), 0o644))
}

// setLocale says which language is meant; whether the image has it is its matter.
func setLocale(l string) error {
	file := "/etc/default/locale"
	if !exists("/etc/default") && exists("/etc/locale.conf") {
		file = "/etc/locale.conf"
	}
	return writeFile(File{Path: file, Body: []byte("LANG=" + l + "\n"), Mode: 0o644})
}

// certStores are where further authorities belong, and what takes them up.
var certStores = []struct{ program, dir, argument string }{
	{"update-ca-certificates", "/usr/local/share/ca-certificates", ""},
	{"update-ca-trust", "/etc/pki/ca-trust/source/anchors", "extract"},
}

func (r *runner) certs(c Certs) error {
	for _, s := range certStores {
		if tool(s.program) == "" {
			continue
		}
		if c.RemoveDefaults {
			if err := r.distrust(s.program); err != nil {
				return err
			}
		}
		for k, cert := range c.Trusted {
			f := File{Path: fmt.Sprintf("%s/cloud-init-ca-cert-%d.crt", s.dir, k+1), Body: []byte(strings.TrimSpace(cert) + "\n"), Mode: 0o644}
			if err := writeFile(f); err != nil {
				return err
			}
		}
		return r.command(strings.Fields(s.program + " " + s.argument)...)
	}
	return errors.New("the image has no store of certificates that is known (is the package ca-certificates there?)")
}

// distrust takes trust from the authorities that the image came with.
func (r *runner) distrust(program string) error {
	const file = "/etc/ca-certificates.conf"
	if program != "update-ca-certificates" {
		return errors.New("remove_defaults is not known for this image")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	lines := strings.Split(string(text), "\n")
	for k, l := range lines {
		if l != "" && !strings.HasPrefix(l, "#") && !strings.HasPrefix(l, "!") {
			lines[k] = "!" + l
		}
	}
	return os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o644)
}

// call tells an address that the server is there.
func (r *runner) call(c Call) error {
	host, _ := os.Hostname()
	all := map[string]string{"instance_id": r.instance.ID, "hostname": host, "fqdn": host}
	for field, glob := range map[string]string{"pub_key_rsa": "rsa", "pub_key_ecdsa": "ecdsa", "pub_key_ed25519": "ed25519"} {
		if key, err := os.ReadFile("/etc/ssh/ssh_host_" + glob + "_key.pub"); err == nil {
			all[field] = string(key)
		}
	}
	form := url.Values{}
	for name, v := range all {
		if len(c.Post) == 0 || slices.Contains(c.Post, name) {
			form.Set(name, v)
		}
	}
	client := &http.Client{Timeout: 30 * time.Second}
	var err error
	for range c.Tries {
		var resp *http.Response
		if resp, err = client.PostForm(c.URL, form); err == nil {
			resp.Body.Close()
			if resp.StatusCode < 300 {
				return nil
			}
			err = fmt.Errorf("the answer is %s", resp.Status)
		}
		pause := time.NewTimer(time.Second)
		<-pause.C
	}
	return err
}

// fill fills in what a final message may ask for.
func (r *runner) fill(message string) string {
	up := fmt.Sprintf("%.2f", time.Since(r.started).Seconds())
	return strings.NewReplacer("$version", "stoker", "$timestamp", time.Now().UTC().Format(time.RFC1123Z), "$datasource", "Stoker", "$uptime", up,
		"$VERSION", "stoker", "$TIMESTAMP", time.Now().UTC().Format(time.RFC1123Z), "$DATASOURCE", "Stoker", "$UPTIME", up).Replace(message)
}
