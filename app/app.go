package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/api/identity"
	"github.com/stoker-project/stoker/internal/access"
	"github.com/stoker-project/stoker/internal/account"
	"github.com/stoker-project/stoker/internal/seal"
	"github.com/stoker-project/stoker/internal/token"
	"github.com/stoker-project/stoker/resource/alarm"
	"github.com/stoker-project/stoker/scale"
	"github.com/stoker-project/stoker/sink/zaqar"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/sqldb"
)

// Run runs a Stoker until ctx ends, and returns when every part has stopped. ready, if
// not nil, is called once when the API answers. The error is of the part that
// could not start, or that failed.
func Run(ctx context.Context, c Config, ready func(Server)) (err error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Data, err = filepath.Abs(c.Data); err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	l := newLifecycle(ctx, c.Logger)
	defer func() { err = errors.Join(err, l.stop()) }()
	a := &parts{Config: c, life: l, started: time.Now().UTC()}
	if err := a.start(); err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop while it started
		}
		return err
	}
	if ready != nil {
		ready(a.server)
	}
	<-l.ctx.Done()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(l.ctx)
}

// parts is a Stoker as it is put together, in the order of its fields.
type parts struct {
	Config
	life    *lifecycle
	started time.Time

	access    *access.Gate
	accounts  *account.Directory
	listened  *listened
	identity  *identity.Server // nil: there are no users
	key       *seal.Key
	token     string // the one that may do everything; empty with a tokens file
	signalKey string
	store     *sqldb.Store
	driver    opened[stoker.Driver]
	balancer  opened[stoker.Balancer]
	engine    *stack.Engine
	board     *alarm.Board
	regions   *regions
	happens   *alarm.Events
	sink      *zaqar.Sink // nil: there is no Zaqar
	scaler    *scale.Engine
	metrics   *metrics
	prom      *prom
	listener  net.Listener
	api       late
	server    Server
}

// start starts everything in order. What has started when one step fails is
// stopped by the caller.
func (a *parts) start() error {
	for _, step := range []struct {
		name string
		f    func() error
	}{
		{"data directory", a.openData}, {"tokens", a.openTokens}, {"listen", a.listen}, {"store", a.openStore}, {"driver", a.openDriver},
		{"balancer", a.openBalancer}, {"engines", a.startEngines}, {"api", a.serve}, {"announce", a.announce},
	} {
		if err := a.life.ctx.Err(); err != nil {
			return context.Cause(a.life.ctx)
		}
		if err := step.f(); err != nil {
			return fmt.Errorf("start %s: %w", step.name, err)
		}
	}
	return nil
}

func (a *parts) openData() error {
	unlock, err := openData(a.Data)
	if err == nil {
		a.life.onStop("data directory", func(context.Context) error { return unlock() })
	}
	return err
}

func (a *parts) openTokens() (err error) {
	if a.signalKey, err = token.LoadOrCreate(filepath.Join(a.Data, signalFile)); err != nil {
		return err
	}
	if a.key, err = seal.LoadOrCreate(filepath.Join(a.Data, sealFile)); err != nil {
		return err
	}
	a.access = &access.Gate{}
	if err := a.openPeople(); err != nil {
		return err
	}
	if a.TokensFile != "" {
		a.access.Tokens, err = token.Load(a.TokensFile)
		return err
	}
	a.token = a.Token
	if a.token == "" {
		if a.token, err = token.LoadOrCreate(filepath.Join(a.Data, tokenFile)); err != nil {
			return err
		}
	}
	a.access.Tokens = a.access.Tokens.Add(a.token, token.Grant{Project: stoker.ProjectID(a.Project), Admin: true, User: "admin"})
	return nil
}

// listen comes early: signal URLs name the address, and a taken port is the
// most frequent fault.
func (a *parts) listen() error {
	l, err := net.Listen("tcp", a.Listen)
	if err != nil {
		return &stoker.Error{Kind: stoker.Conflict, Message: "listen on " + a.Listen, Err: err,
			Hint: "Another program has the port? Give another address with --listen."}
	}
	a.listener = l
	a.life.onStop("listener", func(context.Context) error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	base := strings.TrimSuffix(a.PublicURL, "/")
	if base == "" {
		base = "http://" + l.Addr().String()
	}
	a.PublicURL = base
	a.server = Server{URL: "http://" + reachable(l.Addr()) + "/v1/" + url.PathEscape(a.Project), Token: a.token, PID: os.Getpid()}
	return nil
}

// reachable is an address by which this machine reaches a listener.
func reachable(a net.Addr) string {
	t, ok := a.(*net.TCPAddr)
	if !ok || !t.IP.IsUnspecified() {
		return a.String()
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(t.Port))
}

func (a *parts) openStore() error {
	dsn := a.Store.DSN
	if dsn == "" {
		dsn = filepath.Join(a.Data, "stoker.db")
	}
	var err error
	if a.store, err = sqldb.Open(a.life.ctx, sqldb.Config{
		DSN: dsn, Key: a.key, Logger: a.Logger, Events: a.Limits.Events, EventBatch: a.Limits.EventPurgeBatch}); err != nil {
		return err
	}
	a.life.onStop("store", func(context.Context) error { return a.store.Close() })
	return nil
}

func (a *parts) openDriver() (err error) {
	if err := leftBehind(a.Config); err != nil {
		return err
	}
	if a.driver, err = drivers()[a.Driver](a.life.ctx, a.Config, &a.api); err != nil {
		return err
	}
	a.life.onStop("driver", a.driver.close)
	return nil
}

func (a *parts) openBalancer() (err error) {
	if a.balancer, err = balancers()[a.Balancer](a.Config); err != nil {
		return err
	}
	a.life.onStop("balancer", a.balancer.close)
	a.listened = newListened(a.balancer.part)
	a.balancer.part = a.listened
	return nil
}

func (a *parts) announce() error {
	withdraw, err := announce(a.Data, a.server)
	if err == nil {
		a.life.onStop("announcement", func(context.Context) error { return withdraw() })
	}
	return err
}
