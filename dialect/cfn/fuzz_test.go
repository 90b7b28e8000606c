package cfn_test

import (
	"fmt"
	"testing"
	"time"

	stoker "github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/dialect/cfn"
	"github.com/stoker-project/stoker/hot"
)

// FuzzParse parses whatever comes and works with what is a template: no panic,
// no waiting, every error an Invalid one.
func FuzzParse(f *testing.F) {
	f.Add([]byte(shop))
	f.Add([]byte(`{"HeatTemplateFormatVersion": "2012-12-12", "Resources": {"a": {"Type": "T", "Properties": {"x": {"Fn::GetAtt": ["b", "c"]}}}, "b": {"Type": "T"}}}`))
	f.Add([]byte("AWSTemplateFormatVersion: 2010-09-09\nOutputs: {o: {Value: {'Fn::Replace': [{$a: 1}, 'x $a']}}, p: {Value: {'Fn::MemberListToMap': [K, V, ['.member.0.K=a', '.member.0.V=b']]}}}"))
	f.Add([]byte("AWSTemplateFormatVersion: 2010-09-09\nParameters: {p: {Type: Json, Default: '{}', MinLength: 0, AllowedPattern: a, ConstraintDescription: b}}\nConditions: {c: {'Fn::And': [true, {'Fn::Equals': [1, {Ref: p}]}]}}"))
	f.Add([]byte("AWSTemplateFormatVersion: 2010-09-09\nMappings: {a: {b: {c: d}}}\nOutputs: {o: {Value: {'Fn::FindInMap': [a, b, c]}}, q: {Value: {'Fn::Select': [0, '[1]']}}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		defer time.AfterFunc(10*time.Second, func() { panic(fmt.Sprintf("takes longer than 10 s: %q", text)) }).Stop()
		tmpl, err := cfn.Parse(text, "f")
		if err != nil {
			if !stoker.IsKind(err, stoker.Invalid) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		bound, err := tmpl.Bind(nil, nil, hot.Pseudo{StackName: "n"})
		if err != nil {
			return
		}
		s := &scope{Bound: bound}
		_, _ = tmpl.Graph(s)
		for _, r := range tmpl.Resources {
			_, _, _ = r.ResolveProperties(s)
			_, _ = tmpl.ResolveDeletionPolicy(s, r)
		}
		for _, o := range tmpl.Outputs {
			_, _ = tmpl.OutputIncluded(s, o)
			_, _ = o.Value.Resolve(s)
		}
		bound.Strings()
		hot.Rewrite(tmpl.Raw, func(r hot.Ref) string { return r.Key })
	})
}
