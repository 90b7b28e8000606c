package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/stoker-project/stoker/app"
)

const serveHelp = `Run the server. Everything it needs is built in; docs/configuration.md tells how
to use other parts. It listens on loopback with a token of its own, which the
commands of the same user on this machine find by themselves.

It listens on other addresses only when a token or a tokens file is given:

  stoker serve --listen 0.0.0.0:8004 --tokens-file /etc/stoker/tokens

Without --driver there are no servers, only what needs none. The driver "process"
makes servers out of processes of this machine, running as the same user: it is for
trusted templates only. The driver "docker" makes them out of containers of the Docker
daemon of this machine.`

func (s *session) serve() *cobra.Command {
	var file, listen, driver, tokens, logLevel string
	c := &cobra.Command{
		Use: "serve", Short: "Run the server", Long: serveHelp, Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := s.configure(or(file, s.env("STOKER_CONFIG")))
			if err != nil {
				return err
			}
			set := func(name string, to *string, v string) {
				if c.Flags().Changed(name) {
					*to = v
				}
			}
			set("listen", &cfg.Listen, listen)
			set("driver", &cfg.Driver, driver)
			set("tokens-file", &cfg.TokensFile, tokens)
			set("log-level", &cfg.Log.Level, logLevel)
			return s.runServer(c.Context(), cfg)
		},
	}
	f := c.Flags()
	f.StringVar(&file, "config", "", "configuration file (STOKER_CONFIG)")
	f.StringVar(&listen, "listen", "127.0.0.1:8004", "address of the API, host:port")
	f.StringVar(&driver, "driver", "", "what makes servers: process, docker")
	f.StringVar(&tokens, "tokens-file", "", "file of tokens and their projects")
	f.StringVar(&logLevel, "log-level", "info", "what to log: debug, info, warn, error")
	complete(c, "driver", "process", "docker")
	complete(c, "log-level", "debug", "info", "warn", "error")
	return c
}

// configure gives the configuration of a server here: defaults, then the file if
// one is named, then the global flags and their variables.
func (s *session) configure(file string) (app.Config, error) {
	cfg := app.Default()
	cfg.Executable, cfg.Version = executable(), version
	var err error
	if file != "" {
		if cfg, err = app.Load(file, cfg); err != nil {
			return cfg, err
		}
	}
	cfg.Token = or(or(s.token, s.env("STOKER_TOKEN")), cfg.Token)
	if s.data != "" || s.env("STOKER_DATA") != "" || cfg.Data == "" {
		cfg.Data, err = s.dataDir()
	}
	return cfg, err
}

func (s *session) runServer(ctx context.Context, cfg app.Config) error {
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	cfg.Logger = s.logger(cfg.Log)
	return app.Run(ctx, cfg, func(srv app.Server) {
		cfg.Logger.Info("serving", "url", srv.URL, "data", cfg.Data, "driver", cfg.Driver, "pid", srv.PID)
	})
}

// logger writes to standard error. The configuration was validated.
func (s *session) logger(c app.LogConfig) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level))
	opts := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(s.err, opts))
	}
	return slog.New(slog.NewTextHandler(s.err, opts))
}
