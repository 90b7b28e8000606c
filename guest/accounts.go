package guest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// defaultUser is who logs in where the user data names nobody: images of containers
// have no other.
const defaultUser = "root"

// users adds groups and accounts.
func (d *decoder) users() {
	for k, e := range d.config.list("groups") {
		switch e := e.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(e)) {
				d.group(Group{Name: name, Members: textsOf(e[name])})
			}
		default:
			for _, name := range textsOf(e) {
				d.group(Group{Name: name})
			}
			if textOf(e) == "" {
				d.fail("cloud-config: groups[%d] is not a name", k)
			}
		}
	}
	entries := d.config.list("users")
	if text, ok := d.config["users"].(string); ok {
		entries = nil
		for _, name := range textsOf(text) {
			entries = append(entries, name)
		}
	}
	if u, ok := d.config["user"]; ok {
		entries = append(entries, u)
	}
	for k, e := range entries {
		d.user(fmt.Sprintf("users[%d]", k), e)
	}
}

func (d *decoder) group(g Group) {
	if !isAccount(g.Name) {
		d.fail("cloud-config: %q is not the name of a group", g.Name)
		return
	}
	d.add(Step{Name: "group " + g.Name, Stage: Setup, Group: &g})
}

func (d *decoder) user(where string, e any) {
	if textOf(e) == "default" {
		return // it is there
	}
	if name := textOf(e); name != "" {
		e = map[string]any{"name": name}
	}
	m, _ := e.(map[string]any)
	v := values(m)
	name := v.text("name")
	if !isAccount(name) {
		d.fail("cloud-config: %s: %q is not the name of a user", where, name)
		return
	}
	u := User{
		Name: name, Gecos: v.text("gecos"), Home: v.text("homedir"), Shell: v.text("shell"), PrimaryGroup: or(v.text("primary_group"), v.text("primary-group")),
		UID: v.text("uid"), Groups: groupsOf(v["groups"]), System: v.truth("system"), NoHome: v.truth("no_create_home") || v.truth("no-create-home"),
		NoUserGroup: v.truth("no_user_group") || v.truth("no-user-group"), Hash: or(v.text("passwd"), v.text("hashed_passwd")), Plain: v.text("plain_text_passwd"),
		Unlocked: v.has("lock_passwd") && !v.truth("lock_passwd") || v.has("lock-passwd") && !v.truth("lock-passwd"),
		Keys:     append(v.lines("ssh_authorized_keys"), v.lines("ssh-authorized-keys")...),
	}
	for _, rule := range v.list("sudo") {
		if text := textOf(rule); text != "" && text != "false" && !strings.ContainsAny(text, "\n\r") {
			u.Sudo = append(u.Sudo, text)
		}
	}
	if v.has("ssh_import_id") || v.has("ssh-import-id") {
		d.warn("cloud-config: %s: ssh_import_id is left out: give ssh_authorized_keys", where)
	}
	d.add(Step{Name: "user " + name, Stage: Setup, User: &u})
}

// groupsOf reads a list, a text with commas, or a map whose keys count.
func groupsOf(v any) []string {
	if m, ok := v.(map[string]any); ok {
		return slices.Sorted(maps.Keys(m))
	}
	var out []string
	for _, g := range textsOf(v) {
		out = append(out, textsOf(g)...)
	}
	return slices.DeleteFunc(out, func(g string) bool { return !isAccount(g) })
}

var accountForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}\$?$`)

func isAccount(name string) bool { return accountForm.MatchString(name) }

// instanceKeys are those of the server and of the configuration.
func (d *decoder) instanceKeys() {
	keys := append(slices.Clone(d.instance.Keys), d.config.lines("ssh_authorized_keys")...)
	if len(keys) == 0 {
		return
	}
	d.add(Step{Name: "ssh keys", Stage: Setup, Keys: &Keys{User: d.mainUser(), Keys: keys}})
}

// mainUser is who is meant where no user is named.
func (d *decoder) mainUser() string {
	for _, v := range []any{d.config["user"], d.config.sub("system_info")["default_user"]} {
		if m, ok := v.(map[string]any); ok {
			v = m["name"]
		}
		if name := textOf(v); isAccount(name) && v != nil {
			return name
		}
	}
	return defaultUser
}

// passwords adds password and chpasswd.
func (d *decoder) passwords() {
	set := func(user, password, kind string) {
		if !isAccount(user) || strings.ContainsAny(password, "\n\r") {
			d.fail("cloud-config: chpasswd: %q is not the name of a user, or its password has several lines", user)
			return
		}
		if kind == "RANDOM" || password == "RANDOM" || password == "R" {
			d.warn("cloud-config: chpasswd: no random password is made for %s", user)
			return
		}
		hash := kind == "hash" || kind == "" && hashForm.MatchString(password)
		d.add(Step{Name: "password of " + user, Stage: Setup, Password: &Password{User: user, Password: password, Hash: hash}})
	}
	if p := d.config.text("password"); p != "" {
		set(d.mainUser(), p, "")
	}
	v := d.config.sub("chpasswd")
	lines := v.list("list")
	if text, ok := v["list"].(string); ok {
		lines = nil
		for line := range strings.Lines(text) {
			lines = append(lines, line)
		}
	}
	for _, line := range lines {
		if user, password, ok := strings.Cut(strings.TrimSpace(textOf(line)), ":"); ok {
			set(user, password, "")
		}
	}
	for _, e := range v.list("users") {
		m, _ := e.(map[string]any)
		set(values(m).text("name"), values(m).text("password"), or(values(m).text("type"), "hash"))
	}
}

// hashForm is how passwords look that are encrypted already.
var hashForm = regexp.MustCompile(`^\$(1|2a|2y|5|6|y)\$`)
