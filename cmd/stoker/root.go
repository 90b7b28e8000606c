package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
	"github.com/stoker-project/stoker/client/cloud"
)

// session is what commands share: where to write, and the global flags.
type session struct {
	out, err io.Writer
	env      func(string) string

	url, token, data string
	cloud            string
	format           string
}

const rootHelp = `Stoker keeps a web application the right size. A template describes the
application once; Stoker starts it, puts it behind a load balancer, watches it,
and adds and removes servers without dropping a request.

  stoker up TEMPLATE          run a template here, until Ctrl-C
  stoker serve                run the server; the other commands talk to it
  stoker why GROUP            tell why a group has its size

Commands find a server on this machine by themselves. For another one set
STOKER_URL and STOKER_TOKEN, or give --url and --token. For the Heat of an OpenStack
cloud give --os-cloud, or set the variables of OpenStack's clients (OS_CLOUD; OS_AUTH_URL
and others); a server named for Stoker wins over those.`

func newRoot(s *session) *cobra.Command {
	root := &cobra.Command{
		Use: "stoker", Short: "Keep a web application the right size", Long: rootHelp,
		SilenceErrors: true, SilenceUsage: true, Version: version,
		PersistentPreRunE: func(*cobra.Command, []string) error { return s.checkFormat() },
	}
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&s.url, "url", "", "address of the server (STOKER_URL)")
	flags.StringVar(&s.token, "token", "", "token for the server (STOKER_TOKEN)")
	flags.StringVar(&s.cloud, "os-cloud", "", "an OpenStack cloud of clouds.yaml, whose Heat is meant (OS_CLOUD, or OS_AUTH_URL and others)")
	flags.StringVar(&s.data, "data", "", "data directory of a server on this machine (STOKER_DATA; default ~/.local/share/stoker)")
	flags.StringVarP(&s.format, "output", "o", "table", "how to print: table, json, yaml")
	complete(root, "output", "table", "json", "yaml")
	family(root, s.up(), s.serve(), s.stack(), s.group(), s.why(), s.logs(), s.resourceType(), s.status(), s.hello(), s.guest(), s.demo(), s.version())
	return root
}

// family makes a command of others. Alone it shows its help; a word that is none
// of them is an error.
func family(c *cobra.Command, members ...*cobra.Command) *cobra.Command {
	c.AddCommand(members...)
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		e := &stoker.Error{Message: fmt.Sprintf("there is no command %q", c.CommandPath()+" "+args[0]), Hint: "See: " + c.CommandPath() + " --help."}
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			e.Hint = "Did you mean " + strings.Join(near, " or ") + "?"
		}
		return usageError{e}
	}
	c.SuggestionsMinimumDistance = 2
	return c
}

// complete offers words for a flag's value.
func complete(c *cobra.Command, flag string, words ...string) {
	// The only error is a flag that does not exist, which the tests would show.
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// exactly wants n arguments.
func exactly(n int) cobra.PositionalArgs { return usage(cobra.ExactArgs(n)) }

func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usageError{&stoker.Error{Message: err.Error(), Hint: "Usage: " + c.UseLine()}}
		}
		return nil
	}
}

// dataDir is the data directory of this user's server.
func (s *session) dataDir() (string, error) {
	if s.data != "" {
		return s.data, nil
	}
	if dir := s.env("STOKER_DATA"); dir != "" {
		return dir, nil
	}
	if dir := s.env("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "stoker"), nil
	}
	home := s.env("HOME")
	if home == "" {
		return "", &stoker.Error{Kind: stoker.Invalid, Message: "there is no home directory to keep data in", Hint: "Give a directory with --data."}
	}
	return filepath.Join(home, ".local", "share", "stoker"), nil
}

// client gives a client of the server that is meant: the one named, or the one on
// this machine. A server here is known with its token.
func (s *session) client() (*client.Client, error) {
	address, token := or(s.url, s.env("STOKER_URL")), or(s.token, s.env("STOKER_TOKEN"))
	if s.cloud != "" && s.url != "" {
		return nil, usageError{&stoker.Error{Message: "--os-cloud and --url name two servers", Hint: "Leave one of them out."}}
	}
	if s.cloud != "" || address == "" && cloud.Named(s.env) {
		return s.openStack()
	}
	if address == "" || token == "" {
		dir, err := s.dataDir()
		if err != nil {
			return nil, err
		}
		here, err := app.Find(dir)
		switch {
		case err != nil && address == "":
			return nil, err
		case err == nil && address == "":
			address = here.URL
		}
		if err == nil && token == "" && sameHost(address, here.URL) {
			token = here.Token
		}
	}
	return client.New(client.Config{URL: address, Token: token})
}

// logIn is how long finding a cloud's Heat may take.
const logIn = time.Minute

// openStack gives a client of a cloud's Heat.
func (s *session) openStack() (*client.Client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), logIn)
	defer cancel()
	heat, err := cloud.Open(ctx, s.cloud, s.env)
	if err != nil {
		return nil, err
	}
	return client.New(client.Config{URL: heat.URL, HTTP: heat.HTTP})
}

func sameHost(a, b string) bool {
	x, err := url.Parse(a)
	if err != nil {
		return false
	}
	y, err := url.Parse(b)
	return err == nil && x.Host == y.Host
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// executable is this program, for servers that run it as the image "hello".
func executable() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return path
}
