package cfn_test

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/api/cfn"
)

func TestStackLife(t *testing.T) {
	w := newWorld(t)
	st := w.create("a")
	arn := "arn:openstack:heat::shop:stacks/a/" + string(st.ID)
	w.do("Action", "DescribeStacks", "StackName", arn).want(t, 200,
		"<StackName>a</StackName>", "<StackStatus>CREATE_COMPLETE</StackStatus>", "<Description>A &lt;group&gt; &amp; a policy.</Description>",
		"<ParameterKey>secret</ParameterKey><ParameterValue>******</ParameterValue>", "<OutputKey>said</OutputKey><OutputValue>hello</OutputValue>",
		"<OutputKey>size</OutputKey><OutputValue>1</OutputValue>", "<DisableRollback>true</DisableRollback>")
	w.do("Action", "ListStacks").want(t, 200, "<ListStacksResponse><ListStacksResult><StackSummaries><member><StackId>"+arn)
	w.do("Action", "ListStackResources", "StackName", "a").want(t, 200, "<LogicalResourceId>web</LogicalResourceId>", "<ResourceStatus>CREATE_COMPLETE</ResourceStatus>")
	w.do("Action", "DescribeStackResource", "StackName", "a", "LogicalResourceId", "value").want(t, 200,
		"<ResourceType>OS::Heat::Value</ResourceType>", `<Metadata>{&#34;role&#34;:&#34;a&#34;}</Metadata>`)
	all := w.do("Action", "DescribeStackResources", "StackName", "a").want(t, 200)
	if got := strings.Count(all.text, "<LogicalResourceId>"); got != 4 {
		t.Errorf("got %d resources, want 4\n%s", got, all.text)
	}
	v, err := w.engine.Resource(t.Context(), st.ID, "web")
	if err != nil {
		t.Fatal(err)
	}
	w.do("Action", "DescribeStackResources", "PhysicalResourceId", string(v.PhysicalID)).want(t, 200, "<LogicalResourceId>up</LogicalResourceId>")
	w.do("Action", "DescribeStackEvents", "StackName", "a").want(t, 200, "<ResourceStatusReason>Stack CREATE started</ResourceStatusReason>")
	w.do("Action", "GetTemplate", "StackName", "a").want(t, 200, "<TemplateBody>{", "heat_template_version")

	w.do("Action", "UpdateStack", "StackName", "a", "UsePreviousTemplate", "true", "Parameters.member.1.ParameterKey", "text", "Parameters.member.1.ParameterValue", "two").
		want(t, 200, "<UpdateStackResult><StackId>"+arn)
	w.settle("a")
	w.do("Action", "DescribeStacks", "StackName", "a").want(t, 200, "<OutputValue>two</OutputValue>", "UPDATE_COMPLETE", "<LastUpdatedTime>")
	w.do("Action", "UpdateStack", "StackName", "a", "TemplateBody", template).want(t, 200)
	w.settle("a")
	w.do("Action", "DescribeStacks", "StackName", "a").want(t, 200, "<OutputValue>hello</OutputValue>")

	w.do("Action", "DeleteStack", "StackName", "a").want(t, 200, "<DeleteStackResponse><DeleteStackResult></DeleteStackResult>")
	w.settle(string(st.ID))
	w.do("Action", "DescribeStacks", "StackName", "a").want(t, 400, "<Code>InvalidParameterValue</Code>", "The Stack (a) could not be found.")
}

func TestSignatures(t *testing.T) {
	w := newWorld(t)
	w.create("a")
	now := time.Now()
	for name, tt := range map[string]struct {
		r     *http.Request
		code  int
		words string
	}{
		"version 4":        {w.signed4("ALICE", now, "Action", "DescribeStacks"), 200, "<StackName>a</StackName>"},
		"version 2":        {w.signed2("ALICE", now, "Action", "DescribeStacks"), 200, "<StackName>a</StackName>"},
		"another project":  {w.signed4("BOB", now, "Action", "DescribeStacks"), 200, "<Stacks></Stacks>"},
		"another's stack":  {w.signed4("BOB", now, "Action", "DescribeStacks", "StackName", "a"), 400, "could not be found"},
		"a reader looks":   {w.signed4("RITA", now, "Action", "DescribeStacks"), 200, "<StackName>a</StackName>"},
		"a reader changes": {w.signed4("RITA", now, "Action", "DeleteStack", "StackName", "a"), 403, "<Code>AccessDenied</Code>"},
		"unknown key":      {w.signed4("EVE", now, "Action", "ListStacks"), 403, "<Code>InvalidClientTokenId</Code>"},
		"old":              {w.signed4("ALICE", now.Add(-time.Hour), "Action", "ListStacks"), 400, "<Code>RequestExpired</Code>"},
		"old, version 2":   {w.signed2("ALICE", now.Add(-time.Hour), "Action", "ListStacks"), 400, "<Code>RequestExpired</Code>"},
		"expired":          {w.signed2("ALICE", now, "Action", "ListStacks", "Expires", "2020-01-01T00:00:00Z"), 400, "<Code>RequestExpired</Code>"},
		"from the future":  {w.signed4("ALICE", now.Add(time.Hour), "Action", "ListStacks"), 400, "<Code>RequestExpired</Code>"},
		"none":             {w.request("POST", w.url+"/v1/", "Action=ListStacks"), 403, "<Code>MissingAuthenticationToken</Code>"},
	} {
		a := w.send(tt.r)
		if a.status != tt.code || !strings.Contains(a.text, tt.words) {
			t.Errorf("%s: got %d, want %d with %s\n%s", name, a.status, tt.code, tt.words, a.text)
		}
	}
	changed := w.signed2("ALICE", now, "Action", "ListStacks")
	changed.URL.RawQuery = strings.Replace(changed.URL.RawQuery, "ListStacks", "DescribeStacks", 1)
	w.send(changed).want(t, 403, "<Code>SignatureDoesNotMatch</Code>")
}

func TestChangesWorkOnce(t *testing.T) {
	w := newWorld(t)
	w.create("a")
	now := time.Now()
	again := func() *http.Request { return w.signed4("ALICE", now, "Action", "DeleteStack", "StackName", "a") }
	w.send(again()).want(t, 200)
	w.send(again()).want(t, 400, "<Code>RequestExpired</Code>", "was here before")
	look := func() *http.Request { return w.signed4("ALICE", now, "Action", "ListStacks") }
	w.send(look()).want(t, 200)
	w.send(look()).want(t, 200)
}

func TestJSON(t *testing.T) {
	w := newWorld(t)
	w.create("a")
	a := w.do("Action", "GetTemplate", "StackName", "a", "ContentType", "JSON").want(t, 200)
	var body struct {
		GetTemplateResponse struct {
			GetTemplateResult struct{ TemplateBody map[string]any }
		}
	}
	if err := json.Unmarshal([]byte(a.text), &body); err != nil {
		t.Fatal(err)
	}
	if got := body.GetTemplateResponse.GetTemplateResult.TemplateBody["heat_template_version"]; got != "2018-08-31" {
		t.Errorf("got version %v\n%s", got, a.text)
	}
	bad := w.do("Action", "GetTemplate", "StackName", "b", "ContentType", "JSON").want(t, 400)
	if want := `{"ErrorResponse":{"Error":{"Type":"Sender","Code":"InvalidParameterValue","Message":`; !strings.HasPrefix(bad.text, want) {
		t.Errorf("got %s, want %s...", bad.text, want)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	w.create("a")
	for _, tt := range []struct {
		code  string
		pairs []string
	}{
		{"InvalidAction", []string{"Action", "MakeCoffee"}},
		{"MissingAction", []string{"StackName", "a"}},
		{"MissingParameter", []string{"Action", "CreateStack", "TemplateBody", template}},
		{"MissingParameter", []string{"Action", "CreateStack", "StackName", "b"}},
		{"MissingParameter", []string{"Action", "UpdateStack", "StackName", "a"}},
		{"MissingParameter", []string{"Action", "DescribeStackResource", "StackName", "a"}},
		{"MissingParameter", []string{"Action", "GetTemplate"}},
		{"AlreadyExists", []string{"Action", "CreateStack", "StackName", "a", "TemplateBody", template, "Again", "1"}},
		{"InvalidParameterValue", []string{"Action", "CreateStack", "StackName", "b", "TemplateBody", "nonsense: 1"}},
		{"InvalidParameterValue", []string{"Action", "CreateStack", "StackName", "b", "TemplateUrl", "http://169.254.169.254/"}},
		{"InvalidParameterValue", []string{"Action", "CreateStack", "StackName", "b", "TemplateBody", template, "TimeoutInMinutes", "soon"}},
		{"InvalidParameterValue", []string{"Action", "CreateStack", "StackName", "b", "TemplateBody", template, "OnFailure", "CRY"}},
		{"InvalidParameterValue", []string{"Action", "CreateStack", "StackName", "b", "TemplateBody", template, "Parameters.member.x.ParameterKey", "text"}},
		{"InvalidParameterValue", []string{"Action", "CreateStack", "StackName", "b", "TemplateBody", template, "Parameters.member.1.ParameterKey", "text"}},
		{"InvalidParameterCombination", []string{"Action", "CreateStack", "StackName", "b", "TemplateBody", template, "OnFailure", "DELETE", "DisableRollback", "true"}},
		{"InvalidParameterCombination", []string{"Action", "DescribeStackResources", "StackName", "a", "PhysicalResourceId", "x"}},
		{"InvalidParameterValue", []string{"Action", "DescribeStacks", "StackName", "arn:aws:x"}},
		{"InvalidParameterValue", []string{"Action", "DescribeStacks", "StackName", "arn:openstack:heat::other:stacks/a/x"}},
		{"InvalidParameterValue", []string{"Action", "ValidateTemplate", "TemplateBody", "resources: 7"}},
		{"InvalidParameterValue", []string{"Action", "CancelUpdateStack", "StackName", "a"}},
	} {
		a := w.do(tt.pairs...)
		if a.status != 400 || !strings.Contains(a.text, "<Code>"+tt.code+"</Code>") {
			t.Errorf("%.100v: got %d, want 400 %s\n%s", tt.pairs, a.status, tt.code, a.text)
		}
	}
	big := strings.Repeat("x", cfn.MaxTemplate+1)
	w.send(w.signed4("ALICE", time.Now(), "Action", "ValidateTemplate", "TemplateBody", big)).want(t, 400, "<Code>RequestLimitExceeded</Code>")
	w.send(w.signed4("ALICE", time.Now(), "Action", "ValidateTemplate", "TemplateBody", big+big)).want(t, 400, "<Code>InvalidParameterValue</Code>")
	w.do("Action", "ValidateTemplate", "TemplateBody", template).want(t, 200, "<ParameterKey>secret</ParameterKey>", "<NoEcho>true</NoEcho>")
	w.do("Action", "EstimateTemplateCost").want(t, 200, "<Url>")
}

func TestSignals(t *testing.T) {
	w := newWorld(t)
	st := w.create("a")
	ref := stoker.StackRef{ID: st.ID, Name: "a", Project: "shop"}
	size := func() string {
		t.Helper()
		text := w.do("Action", "DescribeStacks", "StackName", "a").want(t, 200).text
		_, rest, _ := strings.Cut(text, "<OutputKey>size</OutputKey><OutputValue>")
		n, _, _ := strings.Cut(rest, "<")
		return n
	}
	up := cfn.SignalURL(w.url, signalKey, ref, "up")
	if again := cfn.SignalURL(w.url, signalKey, ref, "up"); again != up {
		t.Errorf("the address is another each time: %s, %s", up, again)
	}
	w.do("Action", "DescribeStacks", "StackName", "a").want(t, 200, strings.ReplaceAll(up, "&", "&amp;"))
	a := w.send(w.request("POST", up, `{"current": "alarm"}`)).want(t, 200)
	if got := a.header.Get("Content-Type"); a.text != "" || !strings.HasPrefix(got, "text/html") {
		t.Errorf("got %q of type %s, want nothing of text/html", a.text, got)
	}
	// The change is accepted; it takes a moment to be there.
	for deadline := time.Now().Add(10 * time.Second); size() != "2"; {
		if time.Now().After(deadline) {
			t.Fatalf("after a signal: got size %s, want 2", size())
		}
	}
	w.send(w.request("PUT", up, "")).want(t, 200) // as cfn-signal does

	handle := cfn.WaitURL(w.url, signalKey, ref, "handle")
	w.send(w.request("PUT", handle, `{"status": "SUCCESS", "id": "1"}`)).want(t, 200, `"resource":"handle"`)

	moved := w.request("POST", up, "")
	moved.Host = "proxy.example.org"
	w.send(moved).want(t, 200) // the configured address was signed
	for name, url := range map[string]string{
		"another resource": strings.Replace(up, "resources%2Fup", "resources%2Fweb", 1),
		"another project":  strings.Replace(up, "::shop", "::other", 1),
		"another stack":    strings.Replace(up, string(st.ID), "00000000-0000-0000-0000-000000000000", 1),
		"another name":     strings.Replace(up, "stacks%2Fa", "stacks%2Fb", 1),
		"more parameters":  up + "&x=1",
		"no signature":     up[:strings.Index(up, "?")],
		"the other route":  strings.Replace(up, "/v1/signal/", "/v1/waitcondition/", 1),
		"another key":      cfn.SignalURL(w.url, "another key", ref, "up"),
		"a user's key":     strings.Replace(up, "AWSAccessKeyId=", "AWSAccessKeyId=ALICE", 1),
	} {
		if url == up {
			t.Fatalf("%s: nothing was changed", name)
		}
		if got := w.send(w.request("POST", url, "")); got.status != 403 || !strings.Contains(got.text, "<Code>AccessDenied</Code>") {
			t.Errorf("%s: got %d, want 403\n%s", name, got.status, got.text)
		}
	}
	w.send(w.request("GET", up, "")).want(t, 405)
	w.send(w.request("POST", up, "[1]")).want(t, 400)
	w.send(w.request("POST", cfn.SignalURL(w.url, signalKey, ref, "web"), "")).want(t, 400, "signal is not supported")
	w.send(w.request("POST", cfn.SignalURL(w.url, signalKey, ref, "none"), "")).want(t, 400, "could not be found")
	ref.ID = "gone"
	w.send(w.request("POST", cfn.SignalURL(w.url, signalKey, ref, "up"), "")).want(t, 400, "could not be found")
}

func TestHandles(t *testing.T) {
	for target, want := range map[string]bool{
		"POST /v1": true, "POST /v1/": true, "GET /v1/?Action=ListStacks": true, "GET /v1/": false, "GET /v1": false,
		"POST /v1/signal/arn%3Aopenstack": true, "PUT /v1/waitcondition/arn:openstack": true,
		"GET /v1/signal/stacks": false, "POST /v1/shop/stacks": false,
	} {
		verb, path, _ := strings.Cut(target, " ")
		u, err := url.Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := cfn.Handles(&http.Request{Method: verb, URL: u}); got != want {
			t.Errorf("%s: got %v, want %v", target, got, want)
		}
	}
}

func FuzzQuery(f *testing.F) {
	w := newWorld(f)
	f.Add("ListStacks", "StackStatusFilter.member.1", "CREATE_COMPLETE")
	f.Add("CreateStack", "Parameters.member.1.ParameterKey", "x")
	f.Add("DescribeStacks", "StackName", "arn:openstack:heat::shop:stacks/a/b/resources/c")
	f.Add("ValidateTemplate", "TemplateBody", `{"AWSTemplateFormatVersion": "2010-09-09"}`)
	f.Add("DescribeStackResources", "PhysicalResourceId", "\x00")
	f.Fuzz(func(t *testing.T, action, name, text string) {
		here := &world{t, w.engine, w.url}
		a := here.send(here.signed4("ALICE", time.Now(), "Action", action, name, text))
		if a.status >= 500 {
			t.Errorf("%q %q %q: got %d", action, name, text, a.status)
		}
		if err := xml.Unmarshal([]byte(a.text), new(struct{ XMLName xml.Name })); err != nil && name != "ContentType" {
			t.Errorf("%q %q %q: %v\n%s", action, name, text, err, a.text)
		}
	})
}
