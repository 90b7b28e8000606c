package account

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/password"
	"github.com/stoker-project/stoker/internal/token"
)

// Directory answers who is who.
type Directory struct {
	projects map[stoker.ProjectID]*Project
	users    map[string]*User
	apps     map[string]*App
	keys     map[string]*Key

	checker *password.Checker
	dummy   func() []byte // compared with where there is no user
}

// New makes a directory. Invalid says what does not fit together; the path is
// the place in the configuration.
func New(s Spec) (*Directory, error) {
	d := &Directory{
		projects: map[stoker.ProjectID]*Project{}, users: map[string]*User{}, apps: map[string]*App{}, keys: map[string]*Key{},
		checker: password.NewChecker(),
	}
	for _, add := range []func(Spec) error{d.addProjects, d.addUsers, d.addApps, d.addKeys} {
		if err := add(s); err != nil {
			return nil, err
		}
	}
	d.dummy = sync.OnceValue(func() []byte { return dummy(s) })
	return d, nil
}

// dummy makes a hash that costs as much as the dearest of the users', so that
// the time of a refusal does not tell whether a user exists.
func dummy(s Spec) []byte {
	cost := bcrypt.MinCost
	for _, u := range s.Users {
		if c, err := bcrypt.Cost([]byte(u.Hash)); err == nil {
			cost = max(cost, c)
		}
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(rand.Text()), cost)
	if err != nil {
		panic(err) // the cost and the length are right
	}
	return hash
}

func (d *Directory) addProjects(s Spec) error {
	names := map[string]bool{}
	for _, p := range s.Projects {
		if p.ID == "" || names[p.Name] || d.projects[p.ID] != nil {
			return fault("projects."+p.Name, "the name or the ID is there twice, or is empty")
		}
		if strings.ContainsAny(string(p.ID), "/ :") {
			return fault("projects."+p.Name+".id", "%q is not the ID of a project: it stands in addresses", p.ID)
		}
		names[p.Name], d.projects[p.ID] = true, &p
	}
	return nil
}

func (d *Directory) addUsers(s Spec) error {
	names := map[string]bool{}
	for _, u := range s.Users {
		at := "users." + u.Name
		if u.ID == "" || names[u.Name] || d.users[u.ID] != nil {
			return fault(at, "the name or the ID is there twice, or is empty")
		}
		if err := checkHash(at+".password", u.Hash); err != nil && u.Hash != "" {
			return err
		}
		for p, roles := range u.Roles {
			if d.projects[p] == nil || len(roles) == 0 {
				return fault(at+".roles", "there is no project %q, or no role in it", p)
			}
		}
		if u.Default != "" && len(u.Roles[u.Default]) == 0 {
			return fault(at+".default_project", "the user has no role in %q", u.Default)
		}
		names[u.Name], d.users[u.ID] = true, &u
	}
	return nil
}

// maxCost keeps one password from taking a processor for seconds.
const maxCost = 15

func checkHash(at, hash string) error {
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil || cost > maxCost {
		return &stoker.Error{Kind: stoker.Invalid, Path: at, Message: fmt.Sprintf("it is not a hash by bcrypt of a cost up to %d", maxCost),
			Hint: "Make one with: htpasswd -nB -C 12 x, and take what stands behind the colon."}
	}
	return nil
}

func (d *Directory) addApps(s Spec) error {
	for _, a := range s.Apps {
		at := "application_credentials." + a.ID
		u := d.users[a.User]
		switch {
		case a.ID == "" || d.apps[a.ID] != nil:
			return fault(at, "the ID is there twice, or is empty")
		case u == nil:
			return fault(at+".user", "there is no user %q", a.User)
		case len(u.Roles[a.Project]) == 0:
			return fault(at+".project", "the user has no role in %q", a.Project)
		}
		for _, r := range a.Roles {
			if !slices.Contains(u.Roles[a.Project], r) {
				return fault(at+".roles", "the user has not the role %q", r)
			}
		}
		if err := checkHash(at+".secret", a.Hash); err != nil {
			return err
		}
		d.apps[a.ID] = &a
	}
	return nil
}

func (d *Directory) addKeys(s Spec) error {
	for _, k := range s.Keys {
		at := "ec2_credentials." + k.Access
		u := d.users[k.User]
		switch {
		case k.Access == "" || d.keys[k.Access] != nil:
			return fault(at, "the access key is there twice, or is empty")
		case len(k.Secret) < 16:
			return fault(at+".secret", "it is shorter than 16 characters")
		case u == nil:
			return fault(at+".user", "there is no user %q", k.User)
		case len(u.Roles[k.Project]) == 0:
			return fault(at+".project", "the user has no role in %q", k.Project)
		}
		d.keys[k.Access] = &k
	}
	return nil
}

func fault(path, format string, args ...any) error {
	return &stoker.Error{Kind: stoker.Invalid, Path: path, Message: fmt.Sprintf(format, args...)}
}

// User gives a user by ID, nil if there is none.
func (d *Directory) User(id string) *User { return d.users[id] }

// UserNamed gives a user by name, nil if there is none.
func (d *Directory) UserNamed(name string) *User {
	for _, u := range d.users {
		if u.Name == name {
			return u
		}
	}
	return nil
}

// Project gives a project by ID, nil if there is none.
func (d *Directory) Project(id stoker.ProjectID) *Project { return d.projects[id] }

// ProjectNamed gives a project by name, nil if there is none.
func (d *Directory) ProjectNamed(name string) *Project {
	for _, p := range d.projects {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Projects gives all projects by name, or those in which a user has a role.
func (d *Directory) Projects(of *User) []*Project {
	var out []*Project
	for _, p := range d.projects {
		if of == nil || len(of.Roles[p.ID]) > 0 {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *Project) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Users gives all users by name.
func (d *Directory) Users() []*User {
	var out []*User
	for _, u := range d.users {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b *User) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// App gives an application credential by ID, nil if there is none.
func (d *Directory) App(id string) *App { return d.apps[id] }

// AppNamed gives an application credential of a user by name.
func (d *Directory) AppNamed(u *User, name string) *App {
	for _, a := range d.apps {
		if u != nil && a.User == u.ID && a.Name == name {
			return a
		}
	}
	return nil
}

// Apps gives the application credentials of a user by name.
func (d *Directory) Apps(u *User) []*App {
	var out []*App
	for _, a := range d.apps {
		if a.User == u.ID {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b *App) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Key gives EC2 credentials by their access key, nil if there are none.
func (d *Directory) Key(access string) *Key { return d.keys[access] }

// Keys gives the EC2 credentials of a user.
func (d *Directory) Keys(u *User) []*Key {
	var out []*Key
	for _, k := range d.keys {
		if k.User == u.ID {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b *Key) int { return cmp.Compare(a.Access, b.Access) })
	return out
}

// Grant is what somebody with these roles may do in a project.
func Grant(user string, project stoker.ProjectID, roles []string) token.Grant {
	return token.Grant{
		Project: project, User: user, Admin: slices.Contains(roles, Admin),
		ReadOnly: !slices.ContainsFunc(roles, func(r string) bool { return r != Reader && r != stackUser }),
	}
}

// stackUser is the role of those that Heat makes for signals: they may do
// nothing else.
const stackUser = "heat_stack_user"
