package guest

import (
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// shell makes a script of commands: a text is a line of the shell, a list is a command
// with its arguments.
func shell(commands []any) (string, error) {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	for k, c := range commands {
		switch c := c.(type) {
		case []any:
			words := make([]string, len(c))
			for n, w := range c {
				words[n] = quote(textOf(w))
			}
			b.WriteString(strings.Join(words, " ") + "\n")
		case map[string]any:
			return "", fmt.Errorf("entry %d is a map; a text with a colon in it must be quoted", k+1)
		case nil:
		default:
			b.WriteString(textOf(c) + "\n")
		}
	}
	return b.String(), nil
}

// quote makes a text one word of the shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (d *decoder) bootcmd() { d.commands("bootcmd", Boot) }

func (d *decoder) runcmd() { d.commands("runcmd", Final) }

func (d *decoder) commands(key string, stage Stage) {
	list := d.config.list(key)
	if len(list) == 0 {
		return
	}
	body, err := shell(list)
	if err != nil {
		d.fail("cloud-config: %s: %v", key, err)
		return
	}
	d.add(Step{Name: key, Stage: stage, Script: &Script{Name: key, Body: []byte(body)}})
}

// writeFiles adds the files; those that are deferred come after packages and users.
func (d *decoder) writeFiles(deferred bool) {
	for k, e := range d.config.list("write_files") {
		m, _ := e.(map[string]any)
		v := values(m)
		name := fmt.Sprintf("write_files[%d]", k)
		if v.truth("defer") != deferred {
			continue
		}
		f, err := fileOf(v)
		if err != nil {
			d.fail("cloud-config: %s: %v", name, err)
			continue
		}
		stage := Setup
		if deferred {
			stage = Final
		}
		d.add(Step{Name: name + " " + f.Path, Stage: stage, File: &f})
	}
}

func fileOf(v values) (f File, err error) {
	f = File{Path: v.text("path"), Owner: or(v.text("owner"), "root:root"), Append: v.truth("append"), Mode: 0o644}
	if !strings.HasPrefix(f.Path, "/") {
		return f, fmt.Errorf("path %q does not begin with a slash", f.Path)
	}
	if v.has("source") {
		return f, fmt.Errorf("source is not known here; fetch it in runcmd")
	}
	if f.Mode, err = modeOf(v["permissions"], f.Mode); err != nil {
		return f, err
	}
	f.Body, err = contentOf(v.text("content"), v.text("encoding"))
	return f, err
}

// modeOf reads permissions as cloud-init does: a number is what it is, a text is octal.
func modeOf(v any, otherwise fs.FileMode) (fs.FileMode, error) {
	text, base := textOf(v), 10
	if s, ok := v.(string); ok {
		text, base = strings.TrimPrefix(s, "0o"), 8
	}
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(text, base, 32)
	if err != nil || n > 0o7777 {
		return 0, fmt.Errorf("permissions %q are not like '0644'", textOf(v))
	}
	mode := fs.FileMode(n & 0o777)
	for bit, m := range map[uint64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if n&bit != 0 {
			mode |= m
		}
	}
	return mode, nil
}

func contentOf(content, encoding string) ([]byte, error) {
	body := []byte(content)
	steps := strings.ToLower(strings.TrimSpace(encoding))
	if steps == "" || steps == "text/plain" {
		return body, nil
	}
	switch steps {
	case "gz", "gzip", "b64", "base64", "gz+base64", "gzip+base64", "gz+b64", "gzip+b64":
	default:
		return nil, fmt.Errorf("encoding %q is none of b64, gzip, gz+b64", encoding)
	}
	if strings.Contains(steps, "64") {
		decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content), ""))
		if err != nil {
			return nil, fmt.Errorf("content: %w", err)
		}
		body = decoded
	}
	if strings.Contains(steps, "gz") {
		r, err := gzip.NewReader(strings.NewReader(string(body)))
		if err != nil {
			return nil, fmt.Errorf("content: %w", err)
		}
		if body, err = io.ReadAll(io.LimitReader(r, maxSize+1)); err != nil {
			return nil, fmt.Errorf("content: %w", err)
		}
		if len(body) > maxSize {
			return nil, errLarge
		}
	}
	return body, nil
}

func (d *decoder) certs() {
	v := d.config.sub("ca_certs")
	if v == nil {
		v = d.config.sub("ca-certs")
	}
	c := Certs{Trusted: nil, RemoveDefaults: v.truth("remove_defaults") || v.truth("remove-defaults")}
	for _, t := range v.list("trusted") {
		c.Trusted = append(c.Trusted, textOf(t))
	}
	if len(c.Trusted) > 0 || c.RemoveDefaults {
		d.add(Step{Name: "ca_certs", Stage: Setup, Certs: &c})
	}
}

// host names the server as the user data says, or knows its own name in /etc/hosts.
func (d *decoder) host() {
	h := Host{Name: d.config.text("hostname"), FQDN: d.config.text("fqdn")}
	if d.config.truth("preserve_hostname") || h == (Host{}) && !d.config.has("manage_etc_hosts") {
		return
	}
	if h.Name == "" {
		h.Name = or(h.FQDN, d.instance.Hostname)
	}
	if name, domain, ok := strings.Cut(h.Name, "."); ok {
		h.FQDN = or(h.FQDN, name+"."+domain)
		h.Name = name
	}
	if d.config.truth("prefer_fqdn_over_hostname") && h.FQDN != "" {
		h.Name = h.FQDN
	}
	manage := d.config.text("manage_etc_hosts")
	h.Hosts = manage == "localhost" || manage == "template" || truthOf(manage)
	d.add(Step{Name: "hostname", Stage: Setup, Host: &h})
}

func (d *decoder) locale() {
	if l := d.config.text("locale"); l != "" && l != "false" {
		d.add(Step{Name: "locale", Stage: Setup, Locale: &l})
	}
	if z := d.config.text("timezone"); z != "" {
		if strings.HasPrefix(z, "/") || strings.Contains(z, "..") {
			d.fail("cloud-config: timezone %q is not like Europe/Berlin", z)
			return
		}
		d.add(Step{Name: "timezone", Stage: Setup, Timezone: &z})
	}
}

func (d *decoder) packages() {
	p := Packages{
		Update:  d.config.truth("package_update") || d.config.truth("apt_update"),
		Upgrade: d.config.truth("package_upgrade") || d.config.truth("apt_upgrade"),
	}
	for k, e := range d.config.list("packages") {
		one := Package{Name: textOf(e)}
		if pair, ok := e.([]any); ok && len(pair) > 0 && len(pair) < 3 {
			one.Name, one.Version = textOf(pair[0]), textOf(pair[len(pair)-1])
			if len(pair) == 1 {
				one.Version = ""
			}
		}
		if one.Name == "" || strings.HasPrefix(one.Name, "-") {
			d.fail("cloud-config: packages[%d] is neither a name nor [name, version]", k)
			continue
		}
		p.Install = append(p.Install, one)
	}
	if p.Update || p.Upgrade || len(p.Install) > 0 {
		d.add(Step{Name: "packages", Stage: Final, Packages: &p})
	}
}

func (d *decoder) phoneHome() {
	v := d.config.sub("phone_home")
	if v == nil {
		return
	}
	c := Call{URL: strings.ReplaceAll(v.text("url"), "$INSTANCE_ID", d.instance.ID), Tries: 10}
	if n, err := strconv.Atoi(v.text("tries")); err == nil {
		c.Tries = min(max(n, 1), 100)
	}
	if v.text("post") != "all" {
		c.Post = v.texts("post")
	}
	if !strings.HasPrefix(c.URL, "http://") && !strings.HasPrefix(c.URL, "https://") {
		d.fail("cloud-config: phone_home: url %q is not an address of http", c.URL)
		return
	}
	d.add(Step{Name: "phone_home", Stage: Final, Call: &c})
}

func (d *decoder) finalMessage() {
	if m := d.config.text("final_message"); m != "" {
		d.add(Step{Name: "final_message", Stage: Final, Message: &m})
	}
}
