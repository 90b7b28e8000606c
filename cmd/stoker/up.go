package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
)

const upHelp = `Run a template here: start a Stoker with everything built in, create the stack (or
bring the one that is there to the template), and show what happens until Ctrl-C.
Then the stack is deleted, unless --keep is given. A second Ctrl-C ends at once; the
next "stoker up" goes on from there.

A file stoker.yaml in the template's folder is used as the configuration, unless
another is given or --no-config: so an application that needs containers, HAProxy or
programs of its own starts with this one command. "stoker serve" does not look for it.

Without one, servers are processes of this machine that run as you. In any case run
templates, and what lies beside them, that you trust, as with make. Meanwhile the
other commands (stoker why, stoker logs, stoker group resize, ...) work from another
terminal. What the parts have to tell is in stoker.log in the data directory.`

func (s *session) up() *cobra.Command {
	var f source
	var u upRun
	c := &cobra.Command{
		Use: "up TEMPLATE", Short: "Run a template here, until Ctrl-C", Long: upHelp, Args: exactly(1),
		Example: "  stoker up examples/hello/hello.yaml -P message=Hi",
		RunE: func(c *cobra.Command, args []string) error {
			f.template = args[0]
			var err error
			if u.request, err = f.request(c); err != nil {
				return err
			}
			if u.config, err = u.findConfig(s, args[0]); err != nil {
				return err
			}
			if u.request.Name = u.name; u.name == "" {
				u.request.Name = nameFor(args[0])
			}
			u.session = s
			return u.run(c.Context())
		},
	}
	f.flags(c)
	fl := c.Flags()
	fl.StringVar(&u.name, "name", "", "name of the stack (default: the template's)")
	fl.BoolVar(&u.keep, "keep", false, "leave the stack when interrupted")
	fl.StringVar(&u.listen, "listen", "127.0.0.1:0", "address of the API; port 0 is any free one")
	fl.StringVar(&u.config, "config", "", "configuration file (STOKER_CONFIG; default: stoker.yaml beside the template)")
	fl.BoolVar(&u.noConfig, "no-config", false, "use no configuration file")
	return c
}

// findConfig gives the configuration file to use, and says so when it was not
// named by the user; "" for none.
func (u *upRun) findConfig(s *session, template string) (string, error) {
	if u.noConfig && u.config != "" {
		return "", usageError{&stoker.Error{Message: "--config and --no-config exclude each other"}}
	}
	if u.noConfig {
		return "", nil
	}
	if named := or(u.config, s.env("STOKER_CONFIG")); named != "" {
		return named, nil
	}
	file, err := beside(template)
	if file != "" {
		fmt.Fprintf(s.out, "With the configuration %s; --no-config leaves it out.\n", file)
	}
	return file, err
}

var notInName = regexp.MustCompile(`[^a-zA-Z0-9_.-]+`)

// nameFor makes a stack's name of a file's.
func nameFor(template string) string {
	name := filepath.Base(template)
	name = strings.TrimSuffix(name, filepath.Ext(name))
	name = strings.Trim(notInName.ReplaceAllString(name, "-"), "-")
	if name == "" || !regexp.MustCompile(`^[a-zA-Z]`).MatchString(name) {
		return "stack-" + name
	}
	return name
}

// upRun is one "stoker up".
type upRun struct {
	*session
	name, listen, config string
	keep, noConfig       bool
	request              client.Request
	stays                string // what goes on after an end with --keep
}

func (u *upRun) run(ctx context.Context) error {
	cfg, err := u.session.configure(u.config)
	if err != nil {
		return err
	}
	cfg.Listen = u.listen
	if cfg.Driver == "" {
		cfg.Driver = "process"
	}
	u.stays = "Its servers run on; the load balancer ended with this program."
	if cfg.Balancer == "haproxy" {
		u.stays = "Its servers and HAProxy run on."
	}
	local, err := startLocal(ctx, cfg)
	if err != nil {
		return err
	}
	err = u.converge(ctx, local)
	return errors.Join(err, local.stop())
}

// converge creates or updates the stack, shows it until interrupted, and
// deletes it.
func (u *upRun) converge(ctx context.Context, local *localServer) error {
	// An interruption waits until the stack is known: it is to be deleted then.
	id, marker, err := u.apply(context.WithoutCancel(ctx), local.client)
	if err != nil {
		return err
	}
	hint := "Ctrl-C deletes the stack and ends."
	if u.keep {
		hint = "Ctrl-C ends, and leaves the stack."
	}
	view := newScreen(u.out, hint)
	w := newWatcher(local.client, id)
	w.marker = marker
	err = local.watch(ctx, w, view, func(st *client.Stack) (bool, error) {
		if strings.HasSuffix(st.Status, "_FAILED") && st.Status != "UPDATE_FAILED" {
			return true, failedStack(st)
		}
		return false, nil
	})
	view.end()
	interrupted := errors.Is(err, errInterrupted)
	if interrupted && u.keep {
		fmt.Fprintf(u.out, "The stack %s stays. %s\nTo go on: stoker up (with the same template and data directory), or stoker serve %s.\n", u.request.Name, u.stays, u.serveFlags())
		return nil
	}
	if deleted := u.takeDown(ctx, local, w, view); deleted != nil {
		return deleted
	}
	if interrupted {
		return nil
	}
	return err
}

// serveFlags are those with which "stoker serve" goes on.
func (u *upRun) serveFlags() string {
	if u.config != "" {
		return "--config " + u.config
	}
	return "--driver process"
}

// apply creates the stack, or updates the one of that name. marker is the last
// event from before.
func (u *upRun) apply(ctx context.Context, cl *client.Client) (id, marker string, err error) {
	st, err := cl.Stack(ctx, u.request.Name)
	if stoker.IsKind(err, stoker.NotFound) {
		id, err = cl.Create(ctx, u.request)
		return id, "", err
	}
	if err != nil {
		return "", "", err
	}
	if marker, err = u.lastEvent(ctx, cl, st.ID); err != nil {
		return "", "", err
	}
	if strings.HasPrefix(st.Status, "DELETE") {
		return "", "", &stoker.Error{Kind: stoker.Conflict, Message: fmt.Sprintf("stack %s is %s: %s", st.Name, st.Status, st.StatusReason),
			Hint: "Give another --name, or delete it again with: stoker serve " + u.serveFlags() + ", stoker stack delete."}
	}
	return st.ID, marker, cl.Update(ctx, st.ID, u.request)
}

// takeDown deletes the stack and waits until it is gone, also when ctx has ended:
// the user has asked for just that.
func (u *upRun) takeDown(ctx context.Context, local *localServer, w *watcher, view screen) error {
	ctx = context.WithoutCancel(ctx)
	fmt.Fprintf(u.out, "Deleting %s; Ctrl-C again ends at once.\n", u.request.Name)
	if err := local.client.Delete(ctx, w.id); err != nil {
		return err
	}
	defer view.end()
	return local.watch(ctx, w, view, func(st *client.Stack) (bool, error) {
		if st.Status == "DELETE_FAILED" {
			return true, failedStack(st)
		}
		return st.Status == "DELETE_COMPLETE", nil
	})
}

// localServer is a Stoker inside this process.
type localServer struct {
	client *client.Client
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // once ended is closed
	log    *os.File
}

// startLocal starts a Stoker that does not end with ctx, but with stop. It
// returns when the API answers.
func startLocal(ctx context.Context, cfg app.Config) (*localServer, error) {
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, &stoker.Error{Kind: stoker.Unavailable, Message: "make the data directory", Err: err, Hint: "Give another with --data."}
	}
	log, err := os.OpenFile(filepath.Join(cfg.Data, "stoker.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, &stoker.Error{Kind: stoker.Unavailable, Message: "open the log", Err: err, Hint: "Give another directory with --data."}
	}
	cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l := &localServer{cancel: cancel, ended: make(chan struct{}), log: log}
	ready := make(chan app.Server, 1)
	go func() {
		defer close(l.ended)
		l.err = app.Run(inner, cfg, func(s app.Server) { ready <- s })
	}()
	select {
	case srv := <-ready:
		l.client, err = client.New(client.Config{URL: srv.URL, Token: srv.Token})
	case <-l.ended:
		err = l.err
		l.err = nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, l.stop())
	}
	return l, nil
}

// stop ends the Stoker and gives what went wrong with it.
func (l *localServer) stop() error {
	l.cancel()
	<-l.ended
	return errors.Join(l.err, l.log.Close())
}

// watch shows the stack until done says so, ctx ends, or the Stoker does.
func (l *localServer) watch(ctx context.Context, w *watcher, view screen, done func(*client.Stack) (bool, error)) error {
	return every(ctx, poll, func() (bool, error) {
		select {
		case <-l.ended:
			return true, fmt.Errorf("the server has ended: %w", l.err)
		default:
		}
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		s, err := w.look(bound)
		if err != nil {
			return true, err
		}
		view.show(s)
		return done(s.stack)
	})
}
