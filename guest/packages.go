package guest

import (
	"errors"
	"slices"
)

// manager is how one package manager is called.
type manager struct {
	name                     string
	update, upgrade, install []string
	version                  string   // stands between name and version
	has                      []string // tells whether a package is there
}

// managers are those that are known, the better one first where an image has two.
var managers = []manager{
	{"apt-get", []string{"apt-get", "-q", "update"},
		[]string{"apt-get", "-q", "-y", "-o", "Dpkg::Options::=--force-confold", "-o", "DPkg::Lock::Timeout=120", "dist-upgrade"},
		[]string{"apt-get", "-q", "-y", "-o", "Dpkg::Options::=--force-confold", "-o", "DPkg::Lock::Timeout=120", "install"}, "=", []string{"dpkg", "-s"}},
	{"apk", []string{"apk", "update"}, []string{"apk", "upgrade"}, []string{"apk", "add"}, "=", []string{"apk", "info", "-e"}},
	{"dnf", []string{"dnf", "-y", "makecache"}, []string{"dnf", "-y", "upgrade"}, []string{"dnf", "-y", "install"}, "-", []string{"rpm", "-q"}},
	{"microdnf", nil, []string{"microdnf", "-y", "upgrade"}, []string{"microdnf", "-y", "install"}, "-", []string{"rpm", "-q"}},
	{"yum", []string{"yum", "-y", "makecache"}, []string{"yum", "-y", "upgrade"}, []string{"yum", "-y", "install"}, "-", []string{"rpm", "-q"}},
	{"zypper", []string{"zypper", "-n", "refresh"}, []string{"zypper", "-n", "update"}, []string{"zypper", "-n", "install"}, "=", []string{"rpm", "-q"}},
}

var errNoManager = errors.New("the image has no package manager that is known (apt-get, apk, dnf, yum, zypper)")

// packages updates, upgrades and installs. What is there already is not asked for, so
// that an image that has everything needs no network.
func (r *runner) packages(p Packages) error {
	k := slices.IndexFunc(managers, func(m manager) bool { return tool(m.name) != "" })
	if k < 0 {
		return errNoManager
	}
	m := managers[k]
	missing := slices.DeleteFunc(slices.Clone(p.Install), func(one Package) bool { return one.Version == "" && r.quiet(append(m.has, one.Name)...) })
	r.env = append(r.env, "DEBIAN_FRONTEND=noninteractive")
	var errs error
	for _, c := range packageCommands(m, p, missing) {
		if err := r.command(c.argv...); err != nil && !c.optional {
			errs = errors.Join(errs, errors.New(c.what+": "+err.Error()))
		}
	}
	return errs
}

// packageCommand is one call of a package manager. One that is optional may fail.
type packageCommand struct {
	what     string
	argv     []string
	optional bool
}

// packageCommands are what there is to do. Before something is installed, the lists are
// brought up to date even if nobody asked for it, as cloud-init does.
func packageCommands(m manager, p Packages, missing []Package) (out []packageCommand) {
	if (p.Update || p.Upgrade || len(missing) > 0) && m.update != nil {
		out = append(out, packageCommand{"update the lists of packages", m.update, !p.Update})
	}
	if p.Upgrade {
		out = append(out, packageCommand{"upgrade all packages", m.upgrade, false})
	}
	if len(missing) == 0 {
		return out
	}
	argv := slices.Clone(m.install)
	for _, one := range missing {
		if one.Version != "" {
			one.Name += m.version + one.Version
		}
		argv = append(argv, one.Name)
	}
	return append(out, packageCommand{"install packages", argv, false})
}

// quiet runs a program for its status only.
func (r *runner) quiet(argv ...string) bool { return quietly(argv) == nil }
