package docker

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/stoker-project/stoker"
)

// gate is the filter of one interface inside a container.
type gate struct {
	link   uint32 // the interface's index
	filter *stoker.Filter
	hosts  []netip.Addr // the machine's own addresses there, which may always connect
}

// applyGates replaces all filters of the network namespace that the calling thread is
// in, in one step.
func applyGates(gates []gate) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	t := c.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "stoker"})
	c.DelTable(t)
	w := rules{conn: c, table: c.AddTable(t)}
	w.side("in", nftables.ChainHookInput, expr.MetaKeyIIF, gates)
	w.side("out", nftables.ChainHookOutput, expr.MetaKeyOIF, gates)
	if w.err != nil {
		return w.err
	}
	return c.Flush()
}

// rules writes one table. After an error it writes nothing.
type rules struct {
	conn  *nftables.Conn
	table *nftables.Table
	sets  uint32
	err   error
}

// side writes what comes in, or what goes out. Connections are followed also where
// everything passes, so that those of now pass a filter of later.
func (w *rules) side(name string, hook *nftables.ChainHook, link expr.MetaKey, gates []gate) {
	chains := map[uint32]string{}
	for i, g := range gates {
		if g.filter != nil {
			chains[g.link] = fmt.Sprintf("%s-%d", name, i)
			w.gate(chains[g.link], g, name == "in")
		}
	}
	base := w.conn.AddChain(&nftables.Chain{Name: name, Table: w.table, Type: nftables.ChainTypeFilter, Hooknum: hook, Priority: nftables.ChainPriorityFilter})
	const loopback = 1 // the index of lo in every namespace
	w.add(base, onLink(link, loopback), verdict(expr.VerdictAccept))
	w.add(base, established(), verdict(expr.VerdictAccept))
	for _, g := range gates {
		if chain, filtered := chains[g.link]; filtered {
			w.add(base, onLink(link, g.link), []expr.Any{&expr.Verdict{Kind: expr.VerdictJump, Chain: chain}})
		}
	}
}

// gate writes the chain of one interface: what may pass, and then nothing.
func (w *rules) gate(name string, g gate, incoming bool) {
	chain := w.conn.AddChain(&nftables.Chain{Name: name, Table: w.table})
	list := g.filter.Egress
	if incoming {
		list = g.filter.Ingress
		var hosts []netip.Prefix
		for _, h := range g.hosts {
			hosts = append(hosts, netip.PrefixFrom(h, h.BitLen()))
		}
		if len(hosts) > 0 {
			w.rule(chain, stoker.FilterRule{Remote: hosts}, incoming)
		}
	}
	for _, r := range list {
		w.rule(chain, r, incoming)
	}
	w.add(chain, verdict(expr.VerdictDrop))
}

// rule lets something pass: one rule of the kernel for each family of addresses.
func (w *rules) rule(chain *nftables.Chain, r stoker.FilterRule, incoming bool) {
	what := protocol(r)
	if len(r.Remote) == 0 {
		w.add(chain, what, verdict(expr.VerdictAccept))
		return
	}
	for _, v4 := range []bool{true, false} {
		if s := spans(r.Remote, v4); len(s) > 0 {
			w.add(chain, w.remote(s, v4, incoming), what, verdict(expr.VerdictAccept))
		}
	}
}

func (w *rules) add(chain *nftables.Chain, parts ...[]expr.Any) {
	var all []expr.Any
	for _, p := range parts {
		all = append(all, p...)
	}
	w.conn.AddRule(&nftables.Rule{Table: w.table, Chain: chain, Exprs: all})
}

// remote is met by packets from, or to, addresses.
func (w *rules) remote(in []span, v4, incoming bool) []expr.Any {
	family, offset, size, kind := byte(unix.NFPROTO_IPV4), uint32(12), uint32(4), nftables.TypeIPAddr
	if !v4 {
		family, offset, size, kind = unix.NFPROTO_IPV6, 8, 16, nftables.TypeIP6Addr
	}
	if !incoming {
		offset += size // the destination stands behind the source
	}
	w.sets++
	set := &nftables.Set{ID: w.sets, Name: fmt.Sprintf("remote-%d", w.sets), Table: w.table, KeyType: kind, Interval: true}
	if err := w.conn.AddSet(set, elements(in)); err != nil && w.err == nil {
		w.err = err
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{family}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size},
		&expr.Lookup{SourceRegister: 1, SetName: set.Name, SetID: set.ID},
	}
}

// elements are the ends of ranges: the first address, and the first beyond.
func elements(in []span) (out []nftables.SetElement) {
	for _, s := range in {
		out = append(out, nftables.SetElement{Key: s.first.AsSlice()})
		if beyond := s.last.Next(); beyond.IsValid() {
			out = append(out, nftables.SetElement{Key: beyond.AsSlice(), IntervalEnd: true})
		}
	}
	return out
}

// protocol is met by packets of a rule's protocol and ports.
func protocol(r stoker.FilterRule) []expr.Any {
	proto, any, _ := protocolOf(r.Protocol)
	if any {
		return nil
	}
	out := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{proto}},
	}
	switch {
	case proto == protoICMP || proto == protoICMPv6:
		for i, n := range []*int{r.Min, r.Max} { // type and code, one byte each
			if n != nil {
				out = append(out,
					&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: uint32(i), Len: 1},
					&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{byte(*n)}})
			}
		}
	case r.Min != nil || r.Max != nil:
		out = append(out,
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
			&expr.Range{Op: expr.CmpOpEq, Register: 1,
				FromData: binaryutil.BigEndian.PutUint16(uint16(low(r))), ToData: binaryutil.BigEndian.PutUint16(uint16(high(r)))})
	}
	return out
}

func onLink(key expr.MetaKey, index uint32) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: key, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(index)},
	}
}

// established is met by packets of connections that have passed, and what belongs
// to them.
func established() []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4,
			Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

func verdict(kind expr.VerdictKind) []expr.Any { return []expr.Any{&expr.Verdict{Kind: kind}} }
