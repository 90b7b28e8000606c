package guest

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// become makes a process one of another user, with that one's home.
func become(attr *syscall.ProcAttr, who string) error {
	name, group, hasGroup := strings.Cut(who, ":")
	c := &syscall.Credential{}
	home := "/"
	u, err := lookup(name)
	if err == nil {
		home = u.HomeDir
		c.Uid, c.Gid = number(u.Uid), number(u.Gid)
		ids, _ := u.GroupIds() // none, where there is no file of groups
		for _, id := range ids {
			if g := number(id); g != c.Gid {
				c.Groups = append(c.Groups, g)
			}
		}
	} else if n, numErr := strconv.ParseUint(name, 10, 32); numErr == nil {
		c.Uid = uint32(n) // the image need not know it
	} else {
		return err
	}
	if hasGroup {
		c.Groups = nil
		if g, err := user.LookupGroup(group); err == nil {
			group = g.Gid
		}
		n, err := strconv.ParseUint(group, 10, 32)
		if err != nil {
			return fmt.Errorf("there is no group %q", group)
		}
		c.Gid = uint32(n)
	}
	attr.Sys.Credential = c
	if os.Getenv("HOME") == "/root" && c.Uid != 0 { // Docker's, for the user that we are
		attr.Env = append(slices.DeleteFunc(slices.Clone(attr.Env), func(e string) bool { return strings.HasPrefix(e, "HOME=") }), "HOME="+home)
	}
	return nil
}

// lookup finds a user by name or number.
func lookup(name string) (*user.User, error) {
	if u, err := user.Lookup(name); err == nil {
		return u, nil
	}
	return user.LookupId(name)
}

func number(id string) uint32 {
	n, _ := strconv.ParseUint(id, 10, 32)
	return uint32(n)
}
