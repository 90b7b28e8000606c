package alarm

import (
	"context"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/condition"
	"github.com/stoker-project/stoker/internal/request"
)

// parts are those of a composite alarm: thresholds, joined. Exactly one of leaf and of
// is set.
type parts struct {
	or   bool
	of   []*parts
	leaf *reading
}

// maxParts bounds one rule: each threshold is a signal that is read.
const maxParts = 100

// readComposite reads OS::Aodh::CompositeAlarm.
func readComposite(v request.Values) reading {
	r := readCommon(v)
	if !v.Has("composite_rule") {
		return r // not known yet
	}
	r.metric = "composite"
	rule := v.Map("composite_rule")
	b := builder{r: &r}
	r.parts = b.join(rule.String("operator"), rule.List("rules"), "composite_rule.rules")
	if b.leaves > maxParts {
		r.unsupported["composite_rule.rules"] = fmt.Sprintf("%d thresholds are more than %d", b.leaves, maxParts)
	}
	return r
}

// builder notes what is wrong in the alarm that it reads.
type builder struct {
	r      *reading
	leaves int
}

func (b *builder) join(operator string, rules []any, path string) *parts {
	out := &parts{or: operator == "or"}
	if len(rules) == 0 {
		b.r.unsupported[path] = "it is no list of rules"
	}
	for i, rule := range rules {
		if p := b.part(rule, fmt.Sprintf("%s.%d", path, i)); p != nil {
			out.of = append(out.of, p)
		}
	}
	return out
}

func (b *builder) part(rule any, path string) *parts {
	m, _ := rule.(map[string]any)
	v := request.Values(m)
	for _, operator := range []string{"and", "or"} {
		if _, ok := m[operator]; ok && len(m) == 1 {
			return b.join(operator, v.List(operator), path+"."+operator)
		}
	}
	b.leaves++
	read := map[string]func(request.Values) reading{
		"threshold":                                  readAodh,
		"gnocchi_resources_threshold":                readGnocchi,
		"gnocchi_aggregation_by_resources_threshold": readGnocchi,
		"gnocchi_aggregation_by_metrics_threshold":   readByMetrics,
		"prometheus":                                 readPrometheus,
	}[v.String("type")]
	switch {
	case read == nil:
		b.r.unsupported[path+".type"] = fmt.Sprintf("%q is no type of threshold: there are threshold, gnocchi_resources_threshold, gnocchi_aggregation_by_resources_threshold, gnocchi_aggregation_by_metrics_threshold and prometheus; others are joined by a map of and or or to a list", v.String("type"))
		return nil
	case !v.Has("threshold"):
		b.r.unsupported[path+".threshold"] = "there is none to compare with"
		return nil
	}
	v = b.numbers(v, path)
	leaf := read(v)
	if v.Has("time_constraints") {
		b.r.unsupported[path+".time_constraints"] = "they are the alarm's, not a threshold's"
	}
	leaf.onAlarm, leaf.onOK, leaf.at.actions = b.r.onAlarm, b.r.onOK, b.r.at.actions
	leaf.at.prefix = path + "."
	return &parts{leaf: &leaf}
}

// numbers reads those of a part, which no schema has checked: they may be texts.
func (b *builder) numbers(v request.Values, path string) request.Values {
	out := maps.Clone(v)
	for _, name := range []string{"period", "granularity", "evaluation_periods"} {
		if !v.Has(name) {
			continue
		}
		n, err := strconv.ParseInt(v.String(name), 10, 32)
		if err != nil || n < 1 {
			b.r.unsupported[path+"."+name] = fmt.Sprintf("%q is not a whole number above 0", v.String(name))
		}
		out[name] = n
	}
	n, err := strconv.ParseFloat(v.String("threshold"), 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		b.r.unsupported[path+".threshold"] = fmt.Sprintf("%q is not a number", v.String("threshold"))
	}
	out["threshold"] = n
	return out
}

// each looks at every threshold. What is wrong with one is said with its place.
func (p *parts) each(f func(*reading) error) error {
	if p.leaf != nil {
		return p.leaf.at.within(f(p.leaf))
	}
	for _, sub := range p.of {
		if err := sub.each(f); err != nil {
			return err
		}
	}
	return nil
}

// within puts the place of a part before that of what is wrong with it.
func (n names) within(err error) error {
	e, ok := stoker.AsError(err)
	if !ok || n.prefix == "" {
		return err
	}
	rest, ours := strings.CutPrefix(e.Path, "properties.")
	if !ours || rest == n.actions {
		return err
	}
	out := *e
	out.Path = "properties." + n.prefix + rest
	return &out
}

// composed is the rule of a composite alarm: that a condition is true.
func (a alarm) composed(ctx context.Context, req *stoker.Request, p *parts) (rule, error) {
	out := rule{periods: 1}
	c, err := a.condition(ctx, req, p, &out)
	if err != nil {
		return rule{}, err
	}
	text, err := c.Text()
	if err != nil {
		return rule{}, err
	}
	above := 0.5
	below := math.Nextafter(above, 1)
	out.spec = stoker.SignalSpec{Source: "composite", Query: text}
	out.high, out.low = &above, &below
	out.again -= out.period / 2 // the evaluation after that is not to miss it
	return out, nil
}

// condition also finds the least period, and the longest time that a threshold takes.
func (a alarm) condition(ctx context.Context, req *stoker.Request, p *parts, out *rule) (condition.Rule, error) {
	if p.leaf != nil {
		var r rule
		err := p.leaf.at.within(func() (err error) { r, err = a.wanted(ctx, req, p.leaf); return err }())
		if err != nil {
			return condition.Rule{}, err
		}
		if out.period == 0 || r.period < out.period {
			out.period = r.period
		}
		r.periods = max(1, r.periods)
		out.again = max(out.again, r.period*time.Duration(r.periods))
		t := &condition.Threshold{Name: p.leaf.metric, Signal: r.spec, Bound: *r.high, Periods: r.periods, Period: r.period}
		if p.leaf.below() {
			t.Bound, t.Below = *r.low, true
		}
		return condition.Rule{Threshold: t}, nil
	}
	var subs []condition.Rule
	for _, sub := range p.of {
		c, err := a.condition(ctx, req, sub, out)
		if err != nil {
			return condition.Rule{}, err
		}
		subs = append(subs, c)
	}
	if p.or {
		return condition.Rule{Or: subs}, nil
	}
	return condition.Rule{And: subs}, nil
}
