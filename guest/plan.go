package guest

import "io/fs"

// Plan is what user data asks for, in the order in which it is done.
type Plan struct {
	Steps []Step
	// Warnings are about what is left out and does no harm.
	Warnings []string
	// Errors are about what is wrong in the user data. The rest is done all the same, as
	// with cloud-init, and then the user data has failed.
	Errors []string
}

// Stage says when a step is taken.
type Stage int

// The stages of a start, in order. The image's command is started after Setup.
const (
	Boot  Stage = iota // at every start
	Setup              // once
	Final              // once, beside the image's command
)

// Step is one thing to do. Exactly one of its pointers is set.
type Step struct {
	Name  string // for people: "runcmd", "write_files[2]"
	Stage Stage

	Script   *Script
	File     *File
	Group    *Group
	User     *User
	Keys     *Keys
	Password *Password
	Host     *Host
	Timezone *string
	Locale   *string
	Certs    *Certs
	Packages *Packages
	Call     *Call
	Message  *string
}

// Script is a program that begins with #!, or whatever the kernel can run.
type Script struct {
	Name string // a file name
	Body []byte
}

// File is a file to write.
type File struct {
	Path   string
	Body   []byte
	Mode   fs.FileMode
	Owner  string // user:group, either part may be missing
	Append bool
}

// Group is a group with further members.
type Group struct {
	Name    string
	Members []string
}

// User is an account. One that exists keeps what it has, and gets keys, password and
// rights.
type User struct {
	Name, Gecos, Home, Shell, PrimaryGroup string
	UID                                    string
	Groups                                 []string
	System, NoHome, NoUserGroup            bool
	Hash                                   string // of a password
	Plain                                  string // a password
	Unlocked                               bool   // may log in with the password
	Sudo                                   []string
	Keys                                   []string
}

// Keys are SSH keys that may log in as a user.
type Keys struct {
	User string
	Keys []string
}

// Password is a user's; Hash says that it is one already.
type Password struct {
	User, Password string
	Hash           bool
}

// Host is a server's name.
type Host struct {
	Name, FQDN string
	Hosts      bool // /etc/hosts is to know it
}

// Certs are further certificate authorities.
type Certs struct {
	Trusted        []string
	RemoveDefaults bool
}

// Packages are of the image's package manager. Names may hold versions: name=1.2.
type Packages struct {
	Update, Upgrade bool
	Install         []Package
}

// Package is a package, with a version or without.
type Package struct{ Name, Version string }

// Call tells an address that the server is there.
type Call struct {
	URL   string
	Post  []string // fields; empty: all
	Tries int
}
