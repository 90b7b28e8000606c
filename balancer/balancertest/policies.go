package balancertest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
)

var policyCases = []testCase{
	{"policy that is none is invalid", nil, policyInvalid},
	{"pool that only policies name", nil, policyPoolWithoutListener},
	{"rules of every type compare in every way", []Ability{Traffic}, policyRules},
	{"rules take every text as it is", []Ability{Traffic}, policyTexts},
	{"redirects lead to every address as it is", []Ability{Traffic}, policyRedirects},
	{"all rules of a policy match, and the first policy counts", []Ability{Traffic}, policyOrder},
	{"policy sends to another pool", []Ability{Traffic}, policyPool},
	{"policies change under load, no request fails", []Ability{Traffic}, policyChurn},
}

const otherID stoker.PoolID = "pool-2"

// rejects is a policy of these rules.
func rejects(rules ...stoker.L7Rule) stoker.L7Policy {
	return stoker.L7Policy{Action: stoker.L7Reject, Rules: rules}
}

func pathStarts(with string) stoker.L7Rule {
	return stoker.L7Rule{Type: stoker.L7Path, Compare: stoker.L7Start, Value: with}
}

func sends(to stoker.PoolID, rules ...stoker.L7Rule) stoker.L7Policy {
	return stoker.L7Policy{Action: stoker.L7ToPool, Pool: to, Rules: rules}
}

// policed is the suite's pool with policies.
func (s *suite) policed(all ...stoker.L7Policy) stoker.Pool {
	s.Helper()
	p := s.pool()
	p.Listeners[0].Policies = all
	return p
}

func policyInvalid(s *suite) {
	right := pathStarts("/a")
	rule := func(change func(*stoker.L7Rule)) stoker.L7Policy {
		r := right
		change(&r)
		return rejects(r)
	}
	redirect := func(url string, code int) stoker.L7Policy {
		return stoker.L7Policy{Action: stoker.L7Redirect, URL: url, Code: code, Rules: []stoker.L7Rule{right}}
	}
	for want, p := range map[string]stoker.L7Policy{
		"no rules":           rejects(),
		"unknown action":     {Rules: []stoker.L7Rule{right}},
		"needs a pool":       sends("", right),
		"unknown type":       rule(func(r *stoker.L7Rule) { r.Type = "body" }),
		"unknown comparison": rule(func(r *stoker.L7Rule) { r.Compare = "like" }),
		"hold something":     rule(func(r *stoker.L7Rule) { r.Value = "" }),
		"line ends":          rule(func(r *stoker.L7Rule) { r.Value = "/a\n  http-request deny" }),
		"has no key":         rule(func(r *stoker.L7Rule) { r.Key = "x" }),
		"name for a header":  rule(func(r *stoker.L7Rule) { r.Type = stoker.L7Header }),
		"name for a cookie":  rule(func(r *stoker.L7Rule) { r.Type, r.Key = stoker.L7Cookie, "a) -m found #" }),
		"error parsing":      rule(func(r *stoker.L7Rule) { r.Compare, r.Value = stoker.L7Regex, "a(" }),
		"no address to lead": redirect("/moved", 0),
		`"http://a b/"`:      redirect("http://a b/", 0),
		`"gopher://a/"`:      redirect("gopher://a/", 0),
		"code 200":           redirect("http://a/", 200),
	} {
		_, err := s.b.SetPool(s.Context(), s.policed(p))
		s.wantKind(want, err, stoker.Invalid)
		if err != nil {
			s.wantText("error", err.Error(), want)
		}
	}
	tcp := s.policed(rejects(right))
	tcp.Listeners[0].Protocol = stoker.ProtocolTCP
	_, err := s.b.SetPool(s.Context(), tcp)
	s.wantKind("policy of TCP", err, stoker.Invalid)
}

func policyPoolWithoutListener(s *suite) {
	p := s.pool()
	p.Listeners = nil
	if st := s.setPool(p); len(st.Addresses) != 0 {
		s.Errorf("addresses: got %v, want none", st.Addresses)
	}
	a := s.backend("a")
	s.join(a)
	if got := s.member("a").State; got != stoker.MemberUp {
		s.Errorf("its member: got %q, want up", got)
	}
	s.setPool(s.policed(sends(poolID, pathStarts("/"))))
}

// ask makes a request of a host, with headers in pairs, and gives its status, where it
// leads and its body.
func (s *suite) ask(url, host string, header ...string) (int, string, string) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, url, nil)
	if err != nil {
		s.Fatal(err)
	}
	req.Host = host
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	c := s.client(true)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := c.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Location"), s.read(resp)
}

// ruled is a listener for each rule: as many pools would be slow.
func (s *suite) ruled(rules []stoker.L7Rule) []string {
	s.Helper()
	p := s.pool()
	p.Listeners = nil
	for _, r := range rules {
		l := s.listener(stoker.ProtocolHTTP)
		l.Policies = []stoker.L7Policy{rejects(r)}
		p.Listeners = append(p.Listeners, l)
	}
	st := s.setPool(p)
	s.join(s.backend("a"))
	return st.URLs
}

// wantStatus asks until the answer is the one of the newest settings: a balancer may
// take a moment to leave the ones before.
func (s *suite) wantStatus(what string, want int, ask func() int) {
	s.Helper()
	var got int
	for deadline := time.Now().Add(patience / 5); ; {
		if got = ask(); got == want || time.Now().After(deadline) {
			break
		}
	}
	if got != want {
		s.Errorf("%s: got %d, want %d", what, got, want)
	}
}

func policyRules(s *suite) {
	const host, path = "App.Example:8080", "/shop/a.b/Pic%20ture.tar.png?x=/admin.gif"
	header := []string{"X-Kind", "one, two", "X-Kind", "three", "Cookie", "a=1; id=first", "Cookie", "b=2; id=second", "X-Forwarded-Proto", "gopher"}
	type test struct {
		kind    stoker.L7Type
		key     string
		compare stoker.L7Compare
		value   string
		want    bool
	}
	var tests []test
	add := func(kind stoker.L7Type, key string, compare stoker.L7Compare, yes, no string) {
		tests = append(tests, test{kind, key, compare, yes, true}, test{kind, key, compare, no, false})
	}
	add(stoker.L7Host, "", stoker.L7Equal, "APP.example", "app.example:8080")
	add(stoker.L7Host, "", stoker.L7Start, "aPP.", "example")
	add(stoker.L7Host, "", stoker.L7End, ".eXample", "8080")
	add(stoker.L7Host, "", stoker.L7Contains, "P.E", "pe")
	add(stoker.L7Host, "", stoker.L7Regex, `^[a-z]+\.EXAMPLE$`, `:\d+$`)
	add(stoker.L7Path, "", stoker.L7Equal, "/shop/a.b/Pic ture.tar.png", "/shop/a.b/Pic%20ture.tar.png")
	add(stoker.L7Path, "", stoker.L7Start, "/shop/", "/Shop/")
	add(stoker.L7Path, "", stoker.L7End, "e.tar.png", ".gif")
	add(stoker.L7Path, "", stoker.L7Contains, "Pic t", "admin")
	add(stoker.L7Path, "", stoker.L7Regex, `^/shop/\w\.\w/[^/]+$`, `x=`)
	add(stoker.L7FileType, "", stoker.L7Equal, "png", "tar.png")
	add(stoker.L7FileType, "", stoker.L7Start, "pn", "tar")
	add(stoker.L7FileType, "", stoker.L7End, "ng", "gif")
	add(stoker.L7FileType, "", stoker.L7Contains, "n", ".")
	add(stoker.L7FileType, "", stoker.L7Regex, `^(png|jpe?g)$`, `tar`)
	add(stoker.L7Header, "x-kind", stoker.L7Equal, "one, two", "two")
	add(stoker.L7Header, "X-Kind", stoker.L7Start, "thr", "two")
	add(stoker.L7Header, "X-KIND", stoker.L7End, "two", "one")
	add(stoker.L7Header, "X-Kind", stoker.L7Contains, "e, t", "Three")
	add(stoker.L7Header, "X-Kind", stoker.L7Regex, `^t.*e$`, `^two$`)
	add(stoker.L7Header, "X-Forwarded-Proto", stoker.L7Equal, "gopher", "http") // as the client sent it
	add(stoker.L7Header, "Host", stoker.L7Equal, host, "app.example")
	add(stoker.L7Cookie, "id", stoker.L7Equal, "second", "id=second")
	add(stoker.L7Cookie, "id", stoker.L7Start, "fir", "sti")
	add(stoker.L7Cookie, "id", stoker.L7End, "ond", "fir")
	add(stoker.L7Cookie, "id", stoker.L7Contains, "irs", "1")
	add(stoker.L7Cookie, "id", stoker.L7Regex, `^(first|third)$`, `^$`)
	add(stoker.L7Cookie, "a", stoker.L7Regex, `.`, `first`)
	// What is not there matches nothing.
	tests = append(tests, test{stoker.L7Header, "X-None", stoker.L7Regex, ".*", false}, test{stoker.L7Cookie, "ID", stoker.L7Regex, ".*", false})
	var rules []stoker.L7Rule
	for _, t := range tests {
		r := stoker.L7Rule{Type: t.kind, Key: t.key, Compare: t.compare, Value: t.value}
		rules = append(rules, r)
		r.Invert = true
		rules = append(rules, r)
	}
	urls := s.ruled(rules)
	for i, r := range rules {
		want := http.StatusOK
		if tests[i/2].want != r.Invert {
			want = http.StatusForbidden
		}
		if got, _, _ := s.ask(urls[i]+path, host, header...); got != want {
			s.Errorf("%+v: got %d, want %d", r, got, want)
		}
	}
	none := s.indexOf(rules, stoker.L7Rule{Type: stoker.L7FileType, Compare: stoker.L7Contains, Value: "n", Invert: true})
	for _, p := range []string{"/", "/n", "/a.n/b", "/n."} {
		if got, _, _ := s.ask(urls[none]+p, host); got != http.StatusForbidden {
			s.Errorf("%s: got %d, want 403 since it has no type", p, got)
		}
	}
}

func (s *suite) indexOf(rules []stoker.L7Rule, r stoker.L7Rule) int {
	s.Helper()
	for i := range rules {
		if rules[i] == r {
			return i
		}
	}
	s.Fatalf("there is no rule %+v", r)
	return -1
}

// policyTexts holds that no value means anything to the balancer but itself.
func policyTexts(s *suite) {
	values := []string{
		"a b", `"`, `'`, `'"'"'`, `\`, `\\`, `\'`, "#", "a # b", "$HOME", "${HOME}", "%[src]", "%%", "{ }", "}", "!", "-i", "--", "-f", "|", "||",
		"or", "' if TRUE #", "a\\", "`id`", "é", "*", "~", `\x41`, "[", "(", ",", ";", "?",
	}
	var rules []stoker.L7Rule
	for _, v := range values {
		rules = append(rules, stoker.L7Rule{Type: stoker.L7Header, Key: "X-Text", Compare: stoker.L7Equal, Value: v})
	}
	urls := s.ruled(rules)
	for i, v := range values {
		for _, sent := range []string{v, v + "x", "x" + v, "x"} {
			want := http.StatusOK
			if sent == v {
				want = http.StatusForbidden
			}
			if got, _, _ := s.ask(urls[i], "", "X-Text", sent); got != want {
				s.Errorf("value %q, sent %q: got %d, want %d", v, sent, got, want)
			}
		}
	}
}

func policyRedirects(s *suite) {
	p := s.pool()
	p.Listeners = nil
	urls := []string{
		"https://example.com/", "http://example.com:8080/a?b=c&d#e", "http://example.com/%20%25%5Bsrc%5D", "http://example.com/%41ci'x'",
		"http://example.com/$HOME", "http://[::1]/a,b;c=(d)*!@+~", "http://example.com/%C3%BCci",
	}
	codes := []int{0, 301, 303, 307, 308, 302, 0}
	for i, u := range urls {
		l := s.listener(stoker.ProtocolHTTP)
		l.Policies = []stoker.L7Policy{{Action: stoker.L7Redirect, URL: u, Code: codes[i], Rules: []stoker.L7Rule{pathStarts("/old")}}}
		p.Listeners = append(p.Listeners, l)
	}
	st := s.setPool(p)
	s.join(s.backend("a"))
	for i, u := range urls {
		code, to, _ := s.ask(st.URLs[i]+"/old?q=1", "")
		want := codes[i]
		if want == 0 {
			want = http.StatusFound
		}
		if code != want || to != u {
			s.Errorf("redirect: got %d to %q, want %d to %q", code, to, want, u)
		}
		if code, to, body := s.ask(st.URLs[i]+"/", ""); code != http.StatusOK || to != "" || body != "a" {
			s.Errorf("beside the redirect: got %d to %q, %q", code, to, body)
		}
	}
	if got := s.stats().Requests; got > int64(len(urls)) {
		s.Errorf("requests of the pool: got %d, want no redirected one among them", got)
	}
}

// other makes a second pool without listeners.
func (s *suite) other(b *backend) {
	s.Helper()
	p := s.pool()
	p.ID, p.Name, p.Listeners = otherID, "other", nil
	s.setPool(p)
	if err := s.b.SetMember(s.Context(), otherID, b.member()); err != nil {
		s.Fatal(err)
	}
	if err := s.b.AwaitMember(s.Context(), otherID, b.member().ID); err != nil {
		s.Fatal(err)
	}
}

func policyOrder(s *suite) {
	s.other(s.backend("b"))
	has := func(name, value string) stoker.L7Rule {
		return stoker.L7Rule{Type: stoker.L7Header, Key: name, Compare: stoker.L7Equal, Value: value}
	}
	not := has("X-Not", "1")
	not.Invert = true
	st := s.setPool(s.policed(
		stoker.L7Policy{Action: stoker.L7Redirect, URL: "http://first.example/", Rules: []stoker.L7Rule{has("X-First", "1")}},
		sends(otherID, has("X-A", "1"), has("X-B", "1"), not),
		rejects(has("X-A", "1")),
		sends(otherID, has("X-C", "1")),
		stoker.L7Policy{Action: stoker.L7Redirect, URL: "http://last.example/", Rules: []stoker.L7Rule{has("X-Last", "1")}},
	))
	s.join(s.backend("a"))
	for _, c := range []struct {
		header string
		status int
		text   string // where it leads, or who answers
	}{
		{"", 200, "a"},
		{"X-First X-A X-B", 302, "http://first.example/"},
		{"X-A X-B", 200, "b"},
		{"X-A X-B X-Last", 200, "b"},
		{"X-A", 403, ""},
		{"X-B", 200, "a"},
		{"X-A X-B X-Not", 403, ""},
		{"X-A X-C", 403, ""},
		{"X-C X-Last", 200, "b"},
		{"X-Last", 302, "http://last.example/"},
	} {
		var header []string
		for _, name := range strings.Fields(c.header) {
			header = append(header, name, "1")
		}
		status, to, body := s.ask(st.URLs[0], "", header...)
		if status != c.status || c.status == 302 && to != c.text || c.status == 200 && body != c.text {
			s.Errorf("%q: got %d to %q, %q, want %d %s", c.header, status, to, body, c.status, c.text)
		}
	}
}

func policyPool(s *suite) {
	st := s.setPool(s.policed(sends(otherID, pathStarts("/echo"), pathStarts("/")), sends(otherID, pathStarts("/hold"))))
	s.join(s.backend("a"))
	status := func(path string) func() int {
		return func() int { got, _ := s.get(st.URLs[0] + path); return got }
	}
	s.wantStatus("before its pool is there", http.StatusServiceUnavailable, status("/echo"))
	s.wantStatus("beside it", http.StatusOK, status("/"))
	b := s.backend("b")
	s.other(b)
	s.wantStatus("with its pool", http.StatusOK, status("/echo"))
	req, _ := http.NewRequestWithContext(s.Context(), http.MethodPost, st.URLs[0]+"/echo", strings.NewReader("hello"))
	resp, err := s.client(true).Do(req)
	if err != nil {
		s.Fatal(err)
	}
	body := s.read(resp)
	s.wantText("body", body, "hello")
	s.wantText("what the member saw", body, "X-Forwarded-For: 127.0.0.1")
	s.wantText("what the member saw", body, "X-Forwarded-Proto: http")
	s.eventually("the other pool counts", func() bool {
		got, err := s.b.Stats(s.Context(), otherID)
		return err == nil && got.Requests >= 2 && b.hits.Load() == got.Requests
	})
	held := async(func() int { return status("/hold")() })
	b.awaitStart()
	removed := async(func() error { return s.b.RemoveMember(s.Context(), otherID, "b", patience) })
	b.letGo()
	if got := result(s, "held request", held); got != http.StatusOK {
		s.Errorf("a request in flight to the other pool: got %d, want 200", got)
	}
	if err := result(s, "RemoveMember", removed); err != nil {
		s.Errorf("RemoveMember: %v", err)
	}
	s.wantStatus("without members", http.StatusServiceUnavailable, status("/echo"))
	if err := s.b.RemovePool(s.Context(), otherID); err != nil {
		s.Fatal(err)
	}
	s.wantStatus("after its pool", http.StatusServiceUnavailable, status("/echo"))
	s.wantStatus("beside it after its pool", http.StatusOK, status("/"))
	s.other(s.backend("c"))
	s.wantStatus("with its pool again", http.StatusOK, status("/echo"))
}

// policyRounds is how often the policies change under load.
const policyRounds = 6

func policyChurn(s *suite) {
	b := s.backend("b")
	s.other(b)
	st := s.setPool(s.pool())
	s.join(s.backend("a"))
	l := load{url: st.URLs[0], stop: make(chan struct{})}
	var wg sync.WaitGroup
	for i := range 4 {
		c := s.client(i%2 == 0)
		wg.Go(func() { l.run(c, i) })
	}
	who := func() string { _, body := s.get(st.URLs[0]); return body }
	for i := range policyRounds {
		admin := rejects(pathStarts(fmt.Sprintf("/admin-%d", i)))
		s.setPool(s.keeping(st, admin, sends(otherID, pathStarts("/"))))
		s.eventually("requests go to the other pool", func() bool { return who() == "b" })
		s.wantStatus("the policy that changed", http.StatusForbidden, func() int {
			got, _ := s.get(st.URLs[0] + fmt.Sprintf("/admin-%d", i))
			return got
		})
		s.setPool(s.keeping(st))
		s.eventually("requests go to the own pool", func() bool { return who() == "a" })
		s.wantStatus("the policy that has gone", http.StatusOK, func() int {
			got, _ := s.get(st.URLs[0] + fmt.Sprintf("/admin-%d", i))
			return got
		})
	}
	close(l.stop)
	wg.Wait()
	s.Logf("%d requests during %d changes", l.done.Load(), 2*policyRounds)
	if n := l.failed.Load(); n > 0 || l.done.Load() == 0 {
		s.Errorf("failed requests: got %d of %d, want 0; the first: %v", n, l.done.Load(), l.first)
	}
}

// keeping is the suite's pool at the address it has, with policies.
func (s *suite) keeping(st stoker.PoolStatus, all ...stoker.L7Policy) stoker.Pool {
	s.Helper()
	p := s.pool()
	p.Listeners = []stoker.Listener{listenerAt(s, stoker.ProtocolHTTP, st.Addresses[0])}
	p.Listeners[0].Policies = all
	return p
}
