package main

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoker-project/stoker/internal/hello"
)

const helloHelp = `Run the application of the demonstration: an HTTP server that says hello and has a
known capacity, WORKERS / COST requests per second. It is what servers with the image
"hello" run. Each flag has a variable: HOST, PORT, HELLO_MESSAGE, HELLO_COST,
HELLO_WORKERS, HELLO_BOOT.`

func (s *session) hello() *cobra.Command {
	cfg := hello.Config{}
	c := &cobra.Command{
		Use: "hello", Short: "Run the application of the demonstration", Long: helloHelp, Args: exactly(0),
		PreRunE: func(c *cobra.Command, _ []string) error { return s.helloEnv(c) },
		RunE: func(c *cobra.Command, _ []string) error {
			cfg.Name = s.env("SERVER_NAME")
			if cfg.Name == "" {
				cfg.Name, _ = os.Hostname() // nameless otherwise
			}
			cfg.Logger = slog.New(slog.NewTextHandler(s.err, nil))
			cfg.Listening = func(address string) { cfg.Logger.Info("listening", "address", address) }
			return hello.Run(c.Context(), cfg)
		},
	}
	f := c.Flags()
	f.StringVar(&cfg.Host, "host", "127.0.0.1", "address to listen on")
	f.IntVar(&cfg.Port, "port", 8080, "port to listen on; 0: a free one")
	f.StringVar(&cfg.Message, "message", "Hello", "what it says")
	f.DurationVar(&cfg.Cost, "cost", 0, "how long one request keeps a worker busy")
	f.IntVar(&cfg.Workers, "workers", 4, "how many requests are worked on at once")
	f.DurationVar(&cfg.Boot, "boot", 0, "how long it takes until it listens")
	f.BoolVar(&cfg.Burn, "burn", false, "use the processor instead of sleeping")
	f.DurationVar(&cfg.Linger, "linger", 0, "how long it goes on after it was told to end, while /health says no")
	return c
}

// helloEnv takes flags that were not given from their variables.
func (s *session) helloEnv(c *cobra.Command) error {
	for flag, name := range map[string]string{
		"host": "HOST", "port": "PORT", "message": "HELLO_MESSAGE", "cost": "HELLO_COST", "workers": "HELLO_WORKERS", "boot": "HELLO_BOOT",
	} {
		v := s.env(name)
		if v == "" || c.Flags().Changed(flag) {
			continue
		}
		if flag == "cost" || flag == "boot" {
			v = seconds(v)
		}
		if err := c.Flags().Set(flag, v); err != nil {
			return usageError{fmt.Errorf("%s=%q: %w", name, s.env(name), err)}
		}
	}
	return nil
}

// seconds lets a plain number stand for seconds.
func seconds(v string) string {
	if n, err := strconv.ParseFloat(v, 64); err == nil {
		return time.Duration(n * float64(time.Second)).String()
	}
	return v
}
