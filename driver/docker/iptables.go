package docker

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/stoker-project/stoker"
)

// chainName is the installation's own chain in the machine's tables filter and nat.
func (d *Driver) chainName() string { return "STOKER-" + d.installation }

// jump is a place where packets enter our chain.
type jump struct{ table, from string }

// jumps are these places. DOCKER-USER is where Docker leaves room for others,
// before its own rules; a daemon that makes no rules has none.
func (d *Driver) jumps(ctx context.Context) []jump {
	from := "DOCKER-USER"
	if _, err := iptables(ctx, nil, "iptables", "-w", "-n", "-L", from); err != nil {
		from = "FORWARD"
	}
	return []jump{{"filter", from}, {"nat", "POSTROUTING"}}
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
		return d.relent(ctx)
	}
	if _, err := iptables(ctx, d.tables(all), "iptables-restore", "-w", "--noflush"); err != nil {
		return err
	}
	for _, j := range d.jumps(ctx) {
		if err := d.jumpFirst(ctx, j); err != nil {
			return err
		}
	}
	return nil
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

// jumpFirst lets packets enter our chain before all others: Docker puts its own rules
// first too, with each network that it makes.
func (d *Driver) jumpFirst(ctx context.Context, j jump) error {
	now, err := iptables(ctx, nil, "iptables", "-w", "-t", j.table, "-S", j.from)
	if err != nil {
		return err
	}
	rule := "-A " + j.from + " -j " + d.chainName() + "\n"
	_, rules, _ := strings.Cut(now, "\n") // the first line is the chain itself
	if strings.HasPrefix(rules, rule) && strings.Count(rules, rule) == 1 {
		return nil
	}
	if _, err := iptables(ctx, nil, "iptables", "-w", "-t", j.table, "-I", j.from, "1", "-j", d.chainName()); err != nil {
		return err
	}
	for range strings.Count(rules, rule) { // the one that is no longer first
		if _, err := iptables(ctx, nil, "iptables", "-w", "-t", j.table, "-D", j.from, "2", "-j"); err != nil {
			return err
		}
	}
	return nil
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
