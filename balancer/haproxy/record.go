package haproxy

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
)

// recordFile keeps what is wanted over a restart of Stoker; HAProxy's own file
// keeps it over one of HAProxy.
const recordFile = "pools.json"

type record struct {
	Secret string       // of sticky cookies
	Layout string       // that HAProxy was given last
	Pools  []poolRecord // by ID
}

type poolRecord struct {
	Pool    stoker.Pool
	Asked   []int
	Backend string
	Certs   []string
	Members []memberRecord
}

type memberRecord struct {
	Member  stoker.Member
	Address string
	Phase   phase
	WasUp   bool
}

// load reads the record. HAProxy may run with all of it, or be gone.
func (k *keeper) load() error {
	text, err := os.ReadFile(k.host.path(recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		k.secret = rand.Text()
		return nil
	}
	if err != nil {
		return err
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return &stoker.Error{Kind: stoker.Invalid, Message: "read " + k.host.path(recordFile), Err: err,
			Hint: "Remove the file: pools and members are set anew then."}
	}
	k.secret, k.applied = r.Secret, r.Layout
	for _, pr := range r.Pools {
		p := &pool{want: pr.Pool, asked: pr.Asked, backend: pr.Backend, certs: pr.Certs, members: map[stoker.MemberID]*member{}}
		k.pools[p.want.ID] = p
		for _, mr := range pr.Members {
			m := newMember(mr.Member)
			m.address, m.phase, m.wasUp = mr.Address, mr.Phase, mr.WasUp
			p.members[m.want.ID] = m
			k.resume(p, m)
		}
	}
	return nil
}

// resume carries on with a member on record: one that has been up is in HAProxy
// already, or in its file.
func (k *keeper) resume(p *pool, m *member) {
	switch {
	case m.phase == leaving:
		m.state = stoker.MemberDraining
	case m.wasUp:
		m.phase, m.state = serving, stoker.MemberUp
	default:
		k.startChecks(p, m)
	}
}

// save writes the record and HAProxy's file where they are behind. A disk that
// is full must not stop the balancer: it is tried again with the next change.
func (k *keeper) save() {
	if !k.dirty || k.host == nil {
		return
	}
	text, _ := render(k.settings(), k.pools)
	data, err := json.MarshalIndent(k.record(), "", " ")
	if err == nil {
		err = writeFile(k.host.path(recordFile), data)
	}
	if err == nil {
		err = writeFile(k.host.path(configFile), []byte(text))
	}
	if err != nil {
		k.log.Error("write haproxy's members", "err", err)
	}
	k.dirty = false
}

func (k *keeper) record() record {
	r := record{Secret: k.secret, Layout: k.applied}
	for _, p := range k.pools {
		pr := poolRecord{Pool: p.want, Asked: p.asked, Backend: p.backend, Certs: p.certs}
		for _, m := range p.members {
			pr.Members = append(pr.Members, memberRecord{m.want, m.address, m.phase, m.wasUp})
		}
		slices.SortFunc(pr.Members, func(a, b memberRecord) int { return strings.Compare(string(a.Member.ID), string(b.Member.ID)) })
		r.Pools = append(r.Pools, pr)
	}
	slices.SortFunc(r.Pools, func(a, b poolRecord) int { return strings.Compare(string(a.Pool.ID), string(b.Pool.ID)) })
	return r
}
