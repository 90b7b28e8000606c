package docker

import (
	"errors"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The sets of a table of holds.
const (
	heldTo   = "to"
	heldFrom = "from"
)

func holdTable(name string) *nftables.Table {
	return &nftables.Table{Family: nftables.TableFamilyBridge, Name: name}
}

func holdSet(t *nftables.Table, name string, id uint32) *nftables.Set {
	return &nftables.Set{Table: t, Name: name, ID: id, KeyType: nftables.TypeIPAddr}
}

// holdPackets drops packets of IPv4 on bridges to and from addresses.
func holdPackets(name string, h hold) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	t := holdTable(name)
	there, err := hasTable(c, t)
	if err != nil {
		return err
	}
	to, from := holdSet(t, heldTo, 1), holdSet(t, heldFrom, 2)
	if !there {
		if err := addHoldTable(c, t, to, from); err != nil {
			return err
		}
	}
	for set, addrs := range map[*nftables.Set][]netip.Addr{to: h.to, from: h.from} {
		if len(addrs) == 0 {
			continue
		}
		if err := c.SetAddElements(set, ips(addrs)); err != nil {
			return err
		}
	}
	return c.Flush()
}

// addHoldTable looks at packets as they come from a container, and as the machine sends
// them to one.
func addHoldTable(c *nftables.Conn, t *nftables.Table, to, from *nftables.Set) error {
	c.AddTable(t)
	if err := errors.Join(c.AddSet(to, nil), c.AddSet(from, nil)); err != nil {
		return err
	}
	const source, destination = 12, 16
	add := func(chain *nftables.Chain, set *nftables.Set, offset uint32) {
		c.AddRule(&nftables.Rule{Table: t, Chain: chain, Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{0x08, 0x00}}, // IPv4
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4},
			&expr.Lookup{SourceRegister: 1, SetName: set.Name, SetID: set.ID},
			&expr.Verdict{Kind: expr.VerdictDrop},
		}})
	}
	coming := c.AddChain(&nftables.Chain{Name: "coming", Table: t, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityFilter})
	add(coming, to, destination)
	add(coming, from, source)
	sent := c.AddChain(&nftables.Chain{Name: "sent", Table: t, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter})
	add(sent, to, destination)
	return nil
}

// releasePackets ends that for addresses, also when nothing was held.
func releasePackets(name string, addrs []netip.Addr) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	t := holdTable(name)
	if there, err := hasTable(c, t); err != nil || !there {
		return err
	}
	for _, set := range []string{heldTo, heldFrom} {
		for _, e := range ips(addrs) { // one by one: most are not there
			if err := c.SetDeleteElements(holdSet(t, set, 0), []nftables.SetElement{e}); err != nil {
				return err
			}
			if err := c.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
				return err
			}
		}
	}
	return nil
}

func removeHold(name string) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	if there, err := hasTable(c, holdTable(name)); err != nil || !there {
		return err
	}
	c.DelTable(holdTable(name))
	return c.Flush()
}

func hasTable(c *nftables.Conn, t *nftables.Table) (bool, error) {
	all, err := c.ListTablesOfFamily(t.Family)
	if err != nil {
		return false, err
	}
	for _, other := range all {
		if other.Name == t.Name {
			return true, nil
		}
	}
	return false, nil
}

func ips(addrs []netip.Addr) (out []nftables.SetElement) {
	for _, ip := range addrs {
		out = append(out, nftables.SetElement{Key: ip.AsSlice()})
	}
	return out
}
