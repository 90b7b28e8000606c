package app

import (
	"cmp"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/api/identity"
	"github.com/stoker-project/stoker/internal/access"
	"github.com/stoker-project/stoker/internal/account"
	"github.com/stoker-project/stoker/internal/keystone"
	"github.com/stoker-project/stoker/internal/token"
)

// PeopleConfig says who may call, beside the bearers of static tokens. See
// docs/identity.md.
type PeopleConfig struct {
	// Projects, Users and the credentials that act for users, by name or ID.
	Projects map[string]ProjectConfig `yaml:"projects"`
	Users    map[string]UserConfig    `yaml:"users"`
	Apps     map[string]AppConfig     `yaml:"application_credentials"`
	Keys     map[string]KeyConfig     `yaml:"ec2_credentials"`
	Identity IdentityConfig           `yaml:"identity"`

	// HtpasswdFile holds users for basic authentication, all in Config.Project.
	HtpasswdFile string         `yaml:"htpasswd_file"`
	Keystone     KeystoneConfig `yaml:"keystone"`
	// NoAuth lets everybody on this machine do everything.
	NoAuth bool `yaml:"no_auth"`
}

// ProjectConfig is a project. Its ID is its name unless given.
type ProjectConfig struct {
	ID          string `yaml:"id"`
	Description string `yaml:"description"`
}

// UserConfig is a user. The ID is the name unless given.
type UserConfig struct {
	ID       string `yaml:"id"`
	Password string `yaml:"password"` // a hash by bcrypt
	Email    string `yaml:"email"`
	// Roles are admin, member, reader or others, by project.
	Roles          map[string][]string `yaml:"roles"`
	DefaultProject string              `yaml:"default_project"`
}

// AppConfig is an application credential, by its ID.
type AppConfig struct {
	Name    string   `yaml:"name"`
	User    string   `yaml:"user"`
	Project string   `yaml:"project"`
	Secret  string   `yaml:"secret"` // a hash by bcrypt
	Roles   []string `yaml:"roles"`  // default: the user's
	Expires string   `yaml:"expires"`
}

// KeyConfig is a pair of EC2 credentials, by its access key.
type KeyConfig struct {
	Secret  string `yaml:"secret"`
	User    string `yaml:"user"`
	Project string `yaml:"project"`
}

// IdentityConfig is about the identity API, which is there when there are users.
type IdentityConfig struct {
	TokenTTL time.Duration `yaml:"token_ttl"`
	Region   string        `yaml:"region"`
}

// KeystoneConfig names a Keystone whose tokens and users are known here.
type KeystoneConfig struct {
	AuthURL string        `yaml:"auth_url"`
	Cache   time.Duration `yaml:"cache"` // how long an answer counts
	Domain  string        `yaml:"domain"`
}

// any tells whether somebody can be let in.
func (p PeopleConfig) any() bool {
	return len(p.Users) > 0 || p.HtpasswdFile != "" || p.Keystone.AuthURL != ""
}

func (p PeopleConfig) validate() error {
	passwords := []string{}
	for key, given := range map[string]bool{"users": len(p.Users) > 0, "htpasswd_file": p.HtpasswdFile != "", "keystone": p.Keystone.AuthURL != ""} {
		if given {
			passwords = append(passwords, key)
		}
	}
	if slices.Sort(passwords); len(passwords) > 1 {
		return fault(passwords[1], "Choose one of them.", "passwords are in %s too", passwords[0])
	}
	if u, err := url.Parse(p.Keystone.AuthURL); p.Keystone.AuthURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return fault("keystone.auth_url", "It looks like https://keystone.example.org/v3.", "%q is not an address", p.Keystone.AuthURL)
	}
	if p.Keystone.Cache < 0 {
		return fault("keystone.cache", "", "%s is less than nothing", p.Keystone.Cache)
	}
	if p.Identity.TokenTTL < 0 {
		return fault("identity.token_ttl", "", "%s is less than nothing", p.Identity.TokenTTL)
	}
	_, err := p.directory()
	return err
}

// openPeople makes what lets people in who have no static token.
func (a *parts) openPeople() (err error) {
	p := a.People
	if p.NoAuth {
		a.access.Anyone = &token.Grant{Project: stoker.ProjectID(a.Project), Admin: true, User: "anyone"}
		a.Logger.Warn("no_auth: everybody on this machine may do everything")
	}
	if a.accounts, err = p.directory(); err != nil {
		return err
	}
	switch {
	case p.HtpasswdFile != "":
		a.access.Login, err = access.OpenHtpasswd(p.HtpasswdFile, stoker.ProjectID(a.Project))
	case p.Keystone.AuthURL != "":
		k := keystone.New(keystone.Config{AuthURL: p.Keystone.AuthURL, Cache: p.Keystone.Cache, Domain: p.Keystone.Domain})
		a.access.Bearers, a.access.Login = append(a.access.Bearers, k), k
	case len(p.Users) > 0:
		a.identity, err = identity.New(identity.Config{
			Accounts: a.accounts, Key: a.key, Revoked: filepath.Join(a.Data, revokedFile), TTL: p.Identity.TokenTTL,
			URL: a.PublicURL, Region: p.Identity.Region, Logger: a.Logger,
		})
		a.access.Bearers, a.access.Login = append(a.access.Bearers, a.identity), a.identity
	}
	return err
}

// directory makes what the configuration says of users.
func (p PeopleConfig) directory() (*account.Directory, error) {
	var spec account.Spec
	ids := ids{map[string]stoker.ProjectID{}, map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(p.Projects)) {
		ids.projects[name] = stoker.ProjectID(cmp.Or(p.Projects[name].ID, name))
		spec.Projects = append(spec.Projects, account.Project{ID: ids.projects[name], Name: name, Description: p.Projects[name].Description})
	}
	for _, name := range slices.Sorted(maps.Keys(p.Users)) {
		u, err := p.Users[name].user(name, ids)
		if err != nil {
			return nil, err
		}
		ids.users[name] = u.ID
		spec.Users = append(spec.Users, u)
	}
	for _, id := range slices.Sorted(maps.Keys(p.Apps)) {
		a, err := p.Apps[id].app(id, ids)
		if err != nil {
			return nil, err
		}
		spec.Apps = append(spec.Apps, a)
	}
	for _, access := range slices.Sorted(maps.Keys(p.Keys)) {
		k := p.Keys[access]
		spec.Keys = append(spec.Keys, account.Key{Access: access, Secret: k.Secret, User: ids.users[k.User], Project: ids.projects[k.Project]})
	}
	return account.New(spec)
}

// ids finds IDs by the names in the configuration.
type ids struct {
	projects map[string]stoker.ProjectID
	users    map[string]string
}

func (u UserConfig) user(name string, ids ids) (account.User, error) {
	out := account.User{ID: cmp.Or(u.ID, name), Name: name, Email: u.Email, Hash: u.Password,
		Default: ids.projects[u.DefaultProject], Roles: map[stoker.ProjectID][]string{}}
	if u.DefaultProject != "" && out.Default == "" {
		return out, fault("users."+name+".default_project", "Write it under projects.", "there is no project %q", u.DefaultProject)
	}
	for project, roles := range u.Roles {
		id, ok := ids.projects[project]
		if !ok {
			return out, fault("users."+name+".roles", "Write it under projects.", "there is no project %q", project)
		}
		out.Roles[id] = roles
	}
	return out, nil
}

func (a AppConfig) app(id string, ids ids) (account.App, error) {
	out := account.App{ID: id, Name: cmp.Or(a.Name, id), Hash: a.Secret, User: ids.users[a.User], Project: ids.projects[a.Project], Roles: a.Roles}
	if a.Expires == "" {
		return out, nil
	}
	var err error
	if out.Expires, err = time.Parse(time.RFC3339, a.Expires); err != nil {
		return out, fault("application_credentials."+id+".expires", "Write it like 2030-01-02T15:04:05Z.", "%q is not a time", a.Expires)
	}
	return out, nil
}

// project finds a project by its ID or name. Where no accounts are configured every
// project exists: tokens name them.
func (a *parts) project(ref string) (stoker.ProjectID, error) {
	if a.accounts == nil || len(a.accounts.Projects(nil)) == 0 {
		return stoker.ProjectID(ref), nil
	}
	if p := a.accounts.Project(stoker.ProjectID(ref)); p != nil {
		return p.ID, nil
	}
	if p := a.accounts.ProjectNamed(ref); p != nil {
		return p.ID, nil
	}
	return "", &stoker.Error{Kind: stoker.NotFound, Type: "EntityNotFound", Message: "The KeystoneProject (" + ref + ") could not be found"}
}
