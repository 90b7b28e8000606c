package guest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Instance is what the plan needs to know of the server itself.
type Instance struct {
	ID       string
	Hostname string
	Keys     []string // that may log in
}

// Decode says what user data asks for. It does nothing but call fetch for what the data
// includes, which gets an address of http or https. What is wrong is told in the plan.
func Decode(data []byte, i Instance, fetch func(url string) ([]byte, error)) Plan {
	plan := &Plan{}
	u := &unfolder{fetch: fetch, left: maxSize, plan: plan}
	if len(data) > 0 {
		u.unfold(part{body: data}, 0)
	}
	d := &decoder{plan: plan, instance: i, config: values{}}
	var scripts []Step
	for _, p := range u.parts {
		if s, ok := d.part(p, len(scripts)+1); ok {
			scripts = append(scripts, s)
		}
	}
	d.cloudConfig(scripts)
	slices.SortStableFunc(plan.Steps, func(a, b Step) int { return int(a.Stage) - int(b.Stage) })
	return *plan
}

// decoder turns parts into steps.
type decoder struct {
	plan     *Plan
	instance Instance
	config   values // of all parts, merged
}

func (d *decoder) add(s Step) { d.plan.Steps = append(d.plan.Steps, s) }

func (d *decoder) warn(format string, args ...any) {
	d.plan.Warnings = append(d.plan.Warnings, fmt.Sprintf(format, args...))
}

func (d *decoder) fail(format string, args ...any) {
	d.plan.Errors = append(d.plan.Errors, fmt.Sprintf(format, args...))
}

// part takes up one part; a script is given back, because the configuration comes before.
func (d *decoder) part(p part, n int) (script Step, ok bool) {
	name := p.name
	if name == "" {
		name = fmt.Sprintf("part-%03d", n)
	}
	switch p.kind {
	case kindScript:
		return Step{Name: "script " + name, Stage: Final, Script: &Script{Name: fileName(name), Body: p.body}}, true
	case kindBoothook:
		body := strings.TrimLeft(string(p.body), " \t\r\n")
		if line, rest, _ := strings.Cut(body, "\n"); strings.HasPrefix(strings.ToLower(line), "#cloud-boothook") {
			body = rest
		}
		d.add(Step{Name: "boothook " + name, Stage: Boot, Script: &Script{Name: fileName("boothook-" + name), Body: []byte(body)}})
	case kindConfig:
		d.merge(name, p)
	case kindHandler:
		d.fail("%s: part handlers are not run here: they are Python for inside of cloud-init", name)
	case kindUpstart:
		d.fail("%s: there is no upstart for an upstart job", name)
	case kindJSONP:
		d.fail("%s: cloud-config-jsonp is not known; use merge_how in a cloud-config", name)
	case kindJinja:
		d.fail("%s: Jinja templates are not known here; Heat's str_replace fills in values", name)
	case kindHeat:
		d.heat(p, n)
	default:
		d.warn("%s is of no kind that is run (it begins with %q)", name, beginning(p.body))
	}
	return Step{}, false
}

// heat is what Heat wraps user data for its own tools in.
func (d *decoder) heat(p part, n int) {
	name := fileName(p.name)
	path := "/var/lib/heat-cfntools/" + name
	d.add(Step{Name: "write " + path, Stage: Setup, File: &File{Path: path, Body: p.body, Mode: 0o700}})
	if name == "cfn-userdata" && kindOf(p.body) == kindScript {
		d.add(Step{Name: "script cfn-userdata", Stage: Final, Script: &Script{Name: fmt.Sprintf("%03d-cfn-userdata", n), Body: p.body}})
	}
}

func beginning(body []byte) string { return string(body[:min(len(body), 20)]) }

// fileName keeps what can be the name of a file.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, name)
	if name == "" || name[0] == '.' {
		name = "_" + name
	}
	return name[:min(len(name), 100)]
}

// merge takes up a cloud-config. How it is merged it may say itself, or its headers.
func (d *decoder) merge(name string, p part) {
	v, err := readYAML[map[string]any](p.body)
	if err != nil {
		d.fail("%s: cloud-config: %v", name, err)
		return
	}
	var how any = or(p.merge, defaultMerge)
	for _, key := range []string{"merge_type", "merge_how"} {
		if own, ok := v[key]; ok {
			how = own
			delete(v, key)
		}
	}
	m, err := parseMerge(how)
	if err != nil {
		d.fail("%s: merge_how: %v", name, err)
		return
	}
	if merged, ok := m.merge(map[string]any(d.config), v).(map[string]any); ok {
		d.config = merged
	}
}

// cloudConfig adds the steps of the configuration, in the order of cloud-init's modules,
// with the scripts where they are run.
func (d *decoder) cloudConfig(scripts []Step) {
	d.bootcmd()
	d.writeFiles(false)
	d.certs()
	d.host()
	d.users()
	d.instanceKeys()
	d.passwords()
	d.locale()
	d.packages()
	d.writeFiles(true)
	d.plan.Steps = append(d.plan.Steps, scripts...)
	d.runcmd()
	d.phoneHome()
	d.finalMessage()
	for _, key := range slices.Sorted(maps.Keys(d.config)) {
		if why, ok := leftOut[key]; ok {
			d.warn("cloud-config: %s is left out: %s", key, why)
		} else if !known[key] {
			d.warn("cloud-config: %s is not known here and left out", key)
		}
	}
}

// known are the keys that are looked at.
var known = map[string]bool{
	"bootcmd": true, "write_files": true, "ca_certs": true, "ca-certs": true, "hostname": true, "fqdn": true, "manage_etc_hosts": true,
	"preserve_hostname": true, "prefer_fqdn_over_hostname": true, "groups": true, "users": true, "user": true, "ssh_authorized_keys": true,
	"password": true, "chpasswd": true, "locale": true, "timezone": true, "package_update": true, "package_upgrade": true, "apt_update": true,
	"apt_upgrade": true, "package_reboot_if_required": true, "packages": true, "runcmd": true, "phone_home": true, "final_message": true,
	"output": true, "disable_root": true, "system_info": true, "no_ssh_fingerprints": true, "ssh_deletekeys": true, "ssh_genkeytypes": true,
	"create_hostname_file": true, "allow_public_ssh_keys": true, "ssh_pwauth": true,
}

// leftOut are those that make no sense in a container.
var leftOut = map[string]string{
	"ntp": "the clock is the machine's", "mounts": "the server's file systems are the driver's", "swap": "there is none", "growpart": "there is no disk",
	"resize_rootfs": "there is no disk", "disk_setup": "there is no disk", "fs_setup": "there is no disk", "power_state": "a server ends when its main process does",
	"network": "the driver has set up the network", "keyboard": "there is no keyboard", "grub_dpkg": "there is no boot loader",
	"random_seed": "the kernel is the machine's", "seed_random": "the kernel is the machine's",
}
