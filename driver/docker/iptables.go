package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/stoker-project/stoker"
)

// chainName is the installation's own chain in the machine's tables filter and nat.
func (d *Driver) chainName() string { return "STOKER-" + d.installation }

// userChain is where Docker leaves room for others, before its own rules.
const userChain = "DOCKER-USER"

// enterChains lets packets enter our chains. A daemon that makes no rules has no room for
// others either.
func (d *Driver) enterChains(ctx context.Context) error {
	forward, err := iptables(ctx, nil, "iptables", "-w", "-S", "FORWARD")
	if err != nil {
		return err
	}
	from := "FORWARD"
	user, isolation := positions(forward, from, userChain), positions(forward, from, "DOCKER-ISOLATION-STAGE-1")
	if len(user) > 0 && len(isolation) > 0 && user[0] > isolation[0] {
		// So it is after a restart of daemons of old, and nobody but Docker is asked.
		if err := jumpFirst(ctx, "filter", from, userChain); err != nil {
			return err
		}
	}
	if len(user) > 0 {
		from = userChain
	}
	return errors.Join(jumpFirst(ctx, "filter", from, d.chainName()), jumpFirst(ctx, "nat", "POSTROUTING", d.chainName()))
}

// cannotEnforce says why what networks reach cannot be enforced; nil: it can.
func (d *Driver) cannotEnforce() error {
	_, err := exec.LookPath("iptables-restore")
	switch {
	case !d.able():
		return &stoker.Error{Kind: stoker.Unavailable, Message: "networks cannot be routed here", Hint: "Stoker must run as root for that."}
	case err != nil:
		return &stoker.Error{Kind: stoker.Unavailable, Message: "networks cannot be routed here", Err: err, Hint: "Install iptables."}
	}
	return nil
}

// enforce makes the machine's rules for all networks anew, in one step for each table,
// and takes them away with the last network. It can be done at any time.
func (d *Driver) enforce(ctx context.Context, c *conn) error {
	select {
	case d.rules <- struct{}{}:
		defer func() { <-d.rules }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	all, err := d.routes(ctx, c)
	if err != nil {
		return err
	}
	if why := d.cannotEnforce(); why != nil {
		if len(all) > 0 {
			d.log.Warn("networks are not kept from what is beyond the machine", "err", why)
		}
		return nil
	}
	if len(all) == 0 {
		d.letAllGo()
		return d.relent(ctx)
	}
	if _, err := iptables(ctx, d.tables(all), "iptables-restore", "-w", "--noflush"); err != nil {
		return err
	}
	return d.enterChains(ctx)
}

// tables is the input of iptables-restore: it empties our chains and fills them.
func (d *Driver) tables(all []route) []byte {
	var b bytes.Buffer
	for _, t := range []struct {
		name  string
		lines []string
	}{{"filter", forwarding(all)}, {"nat", masquerading(all)}} {
		fmt.Fprintf(&b, "*%s\n:%s - [0:0]\n", t.name, d.chainName())
		for _, line := range t.lines {
			fmt.Fprintf(&b, "-A %s %s\n", d.chainName(), line)
		}
		b.WriteString("COMMIT\n")
	}
	return b.Bytes()
}

// jumpFirst makes the jump from one chain to another the first of its rules: Docker
// puts its own first too, with each network that it makes.
func jumpFirst(ctx context.Context, table, from, to string) error {
	now, err := iptables(ctx, nil, "iptables", "-w", "-t", table, "-S", from)
	if err != nil {
		return err
	}
	at := positions(now, from, to)
	if len(at) == 1 && at[0] == 1 {
		return nil
	}
	if _, err := iptables(ctx, nil, "iptables", "-w", "-t", table, "-I", from, "1", "-j", to); err != nil {
		return err
	}
	for _, n := range slices.Backward(at) { // those of before, which have moved on by one
		if _, err := iptables(ctx, nil, "iptables", "-w", "-t", table, "-D", from, strconv.Itoa(n+1)); err != nil {
			return err
		}
	}
	return nil
}

// positions are where a chain jumps to another one always, counted from 1, in the
// listing of its rules.
func positions(listing, from, to string) (at []int) {
	n := 0
	for line := range strings.Lines(listing) {
		if strings.HasPrefix(line, "-A ") {
			n++
		}
		if strings.TrimSpace(line) == "-A "+from+" -j "+to {
			at = append(at, n)
		}
	}
	return at
}

// relent removes our chains; nil when there are none.
func (d *Driver) relent(ctx context.Context) error {
	for _, table := range []string{"filter", "nat"} {
		all, err := iptables(ctx, nil, "iptables", "-w", "-t", table, "-S")
		if err != nil {
			return err
		}
		if !strings.Contains(all, "-N "+d.chainName()+"\n") {
			continue
		}
		for line := range strings.Lines(all) {
			if rule, ok := strings.CutPrefix(line, "-A "); ok && strings.HasSuffix(line, " -j "+d.chainName()+"\n") {
				args := append([]string{"-w", "-t", table, "-D"}, strings.Fields(rule)...)
				if _, err := iptables(ctx, nil, "iptables", args...); err != nil {
					return err
				}
			}
		}
		for _, op := range []string{"-F", "-X"} {
			if _, err := iptables(ctx, nil, "iptables", "-w", "-t", table, op, d.chainName()); err != nil {
				return err
			}
		}
	}
	return nil
}

// iptables runs one of its programs.
func iptables(ctx context.Context, input []byte, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = bytes.NewReader(input)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", &stoker.Error{Kind: stoker.Unavailable, Message: "write the machine's packet filter",
			Err: fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(said.String()))}
	}
	return string(out), nil
}
