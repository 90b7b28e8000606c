// Package account knows the people of an installation: users with their
// passwords, the projects they may work in and as what, and the credentials that
// act for them. It is made from a configuration and does not change afterwards. It speaks no
// protocol and issues no tokens: package identity does, for one.
//
// It starts no goroutine. All methods may be called concurrently.
package account

import (
	"time"

	"github.com/stoker-project/stoker"
)

// Roles that mean something here. Others may be given, and are shown to clients;
// whoever has any besides Reader may change things.
const (
	Admin  = "admin"  // may everything, in all projects
	Member = "member" // may work in the project
	Reader = "reader" // may look
)

// Project is what stacks belong to.
type Project struct {
	ID                stoker.ProjectID
	Name, Description string
}

// User is somebody with a password.
type User struct {
	ID, Name, Email string
	// Hash is the password's, by bcrypt; empty: there is no password, only
	// credentials work.
	Hash string
	// Default is the project of those who name none; may be empty.
	Default stoker.ProjectID
	Roles   map[stoker.ProjectID][]string
}

// App is an application credential: a user in one project, for programs.
type App struct {
	ID, Name, Hash string
	User           string // ID
	Project        stoker.ProjectID
	Roles          []string // some of the user's; empty: all
	Expires        time.Time
}

// Key is a pair of EC2 credentials, which sign requests. The secret is kept as it
// is: whoever checks a signature has to make it.
type Key struct {
	Access, Secret string
	User           string // ID
	Project        stoker.ProjectID
}

// Spec is everybody there is.
type Spec struct {
	Projects []Project
	Users    []User
	Apps     []App
	Keys     []Key
}
