package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/stoker-project/stoker/guest"
)

const guestHelp = `Run as the first process of a container: run the user data as cloud-init would, start the
COMMAND of the image beside it, hand signals on, and collect dead processes. The
docker driver mounts this program into containers and starts it so; by hand there is no
use for it. docs/guest.md tells what user data can be.`

// readyFD is where the worker tells process 1 that the machine is set up.
const readyFD = 3

func (s *session) guest() *cobra.Command {
	o := guest.Options{}
	var work, services, halt bool
	c := &cobra.Command{
		Use: "guest [flags] -- [COMMAND ARGUMENT...]", Short: "Run as the first process of a container", Long: guestHelp, Hidden: true,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			o.Self, o.Command = []string{self, "guest"}, args
			switch {
			case halt:
				return ended(guest.Halt())
			case work:
				ready := os.NewFile(readyFD, "ready")
				return ended(guest.Work(o, services, func() { ready.Close() }))
			}
			return ended(guest.Run(o))
		},
	}
	f := c.Flags()
	f.StringVar(&o.Dir, "dir", guest.DefaultDir, "what the driver has mounted")
	f.StringVar(&o.User, "user", "", "whom COMMAND runs as; empty: root")
	f.BoolVar(&work, "work", false, "be the worker that runs the user data")
	f.BoolVar(&services, "services", false, "the worker starts the services of the image")
	f.BoolVar(&halt, "halt", false, "stop the services of the image")
	return c
}

// statusError ends this program with a status, and says nothing.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("ended with status %d", int(e)) }

func ended(status int) error {
	if status == 0 {
		return nil
	}
	return statusError(status)
}
