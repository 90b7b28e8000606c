package guest

import (
	"errors"
	"fmt"
	"os/exec"
	"os/user"
	"strings"
)

// tool tells which program of several the image has; empty: none.
func tool(names ...string) string {
	for _, n := range names {
		if _, err := exec.LookPath(n); err == nil {
			return n
		}
	}
	return ""
}

func (r *runner) group(g Group) error {
	if _, err := user.LookupGroup(g.Name); err != nil {
		if err := r.command(groupCommand(tool("groupadd", "addgroup"), g.Name)...); err != nil {
			return err
		}
	}
	var errs error
	for _, m := range g.Members {
		if _, err := user.Lookup(m); err != nil {
			r.say("group %s: there is no user %q yet", g.Name, m)
			continue
		}
		errs = errors.Join(errs, r.command(memberCommand(tool("usermod", "addgroup"), m, g.Name)...))
	}
	return errs
}

func groupCommand(tool, name string) []string { return []string{or(tool, "groupadd"), name} }

func memberCommand(tool, name, group string) []string {
	if tool == "addgroup" {
		return []string{"addgroup", name, group}
	}
	return []string{"usermod", "-a", "-G", group, name}
}

// user makes an account, or gives one that exists what it is to have further.
func (r *runner) user(u User) error {
	if _, err := user.Lookup(u.Name); err != nil {
		for _, g := range append([]string{}, append(u.Groups, u.PrimaryGroup)...) {
			if _, err := user.LookupGroup(g); err != nil && g != "" {
				if err := r.group(Group{Name: g}); err != nil {
					return fmt.Errorf("group %s: %w", g, err)
				}
			}
		}
		for _, c := range userCommands(tool("useradd", "adduser"), u) {
			if err := r.command(c...); err != nil {
				return err
			}
		}
	}
	return errors.Join(r.credentials(u), r.rights(u))
}

// userCommands make an account with shadow's useradd, or with BusyBox's adduser.
func userCommands(tool string, u User) [][]string {
	if tool == "adduser" {
		return busyboxCommands(u)
	}
	c := []string{"useradd", u.Name}
	flag := func(name, value string) {
		if value != "" {
			c = append(c, name, value)
		}
	}
	flag("--comment", u.Gecos)
	flag("--home-dir", u.Home)
	flag("--gid", u.PrimaryGroup)
	flag("--groups", strings.Join(u.Groups, ","))
	flag("--shell", u.Shell)
	flag("--uid", u.UID)
	if u.System {
		c = append(c, "--system")
	}
	if u.NoUserGroup {
		c = append(c, "--no-user-group")
	}
	if u.NoHome || u.System {
		return [][]string{append(c, "-M")}
	}
	return [][]string{append(c, "-m")}
}

func busyboxCommands(u User) [][]string {
	c := []string{"adduser", "-D"}
	flag := func(name, value string) {
		if value != "" {
			c = append(c, name, value)
		}
	}
	flag("-g", u.Gecos)
	flag("-h", u.Home)
	flag("-G", u.PrimaryGroup)
	flag("-s", u.Shell)
	flag("-u", u.UID)
	if u.System {
		c = append(c, "-S")
	}
	if u.NoHome || u.System {
		c = append(c, "-H")
	}
	out := [][]string{append(c, u.Name)}
	for _, g := range u.Groups {
		out = append(out, []string{"addgroup", u.Name, g})
	}
	return out
}

// credentials sets password and keys. A password counts where the account is not
// locked.
func (r *runner) credentials(u User) (err error) {
	switch {
	case u.Hash != "":
		err = r.password(u.Name, u.Hash, true)
	case u.Plain != "":
		err = r.password(u.Name, u.Plain, false)
	}
	if err == nil && !u.Unlocked && (u.Hash != "" || u.Plain != "") {
		err = r.command("passwd", "-l", u.Name)
	}
	if len(u.Keys) > 0 {
		err = errors.Join(err, authorize(u.Name, u.Keys))
	}
	return err
}

func (r *runner) password(name, password string, hash bool) error {
	argv := []string{"chpasswd"}
	if hash {
		argv = append(argv, "-e")
	}
	return r.feed(name+":"+password+"\n", argv...)
}

// rights are those to use sudo.
func (r *runner) rights(u User) error {
	if len(u.Sudo) == 0 {
		return nil
	}
	lines := make([]string, len(u.Sudo))
	for k, rule := range u.Sudo {
		lines[k] = u.Name + " " + rule
	}
	return addLines("/etc/sudoers.d/90-cloud-init-users", 0o440, lines...)
}
