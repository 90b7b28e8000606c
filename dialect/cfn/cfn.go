package cfn

import (
	"fmt"
	"maps"
	"net/url"

	"github.com/stoker-project/stoker/hot"
)

// Parse reads a template, JSON or YAML, in CloudFormation's language or in
// HOT: the version line decides. It is hot.Parse for whoever takes both; what
// is said there of file and errors holds here.
func Parse(text []byte, file string) (*hot.Template, error) {
	return hot.ParseIn(text, file, Languages()...)
}

// Languages gives both versions of CloudFormation's language.
func Languages() []hot.Language { return []hot.Language{heat2012(), aws2010()} }

// heat2012 is HeatTemplateFormatVersion 2012-12-12: no conditions.
func heat2012() hot.Language {
	return hot.Language{
		Key: "HeatTemplateFormatVersion", Date: "2012-12-12",
		Words: words(), Functions: functions(), Types: types(),
		ParameterKeys: parameterKeys(), Constraints: constraints, Pseudo: pseudo,
	}
}

// aws2010 is AWSTemplateFormatVersion 2010-09-09.
func aws2010() hot.Language {
	l := heat2012()
	l.Key, l.Date = "AWSTemplateFormatVersion", "2010-09-09"
	maps.Copy(l.Words, map[string]string{"conditions": "Conditions", "condition": "Condition"})
	l.Functions = append(l.Functions, "Fn::If")
	l.Conditions = []string{"Ref", "Fn::FindInMap", "Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or"}
	return l
}

func words() map[string]string {
	return map[string]string{
		"description": "Description", "parameters": "Parameters", "mappings": "Mappings",
		"resources": "Resources", "outputs": "Outputs",
		"type": "Type", "properties": "Properties", "metadata": "Metadata", "depends_on": "DependsOn",
		"deletion_policy": "DeletionPolicy", "update_policy": "UpdatePolicy",
		"value": "Value", "default": "Default", "hidden": "NoEcho", "label": "Label",
	}
}

func functions() []string {
	return []string{
		"Fn::FindInMap", "Fn::GetAZs", "Ref", "Fn::GetAtt", "Fn::Select", "Fn::Join", "Fn::Split",
		"Fn::Replace", "Fn::Base64", "Fn::MemberListToMap", "Fn::ResourceFacade",
	}
}

func types() map[string]hot.ParameterType {
	return map[string]hot.ParameterType{
		"String": hot.StringParameter, "Number": hot.NumberParameter, "CommaDelimitedList": hot.ListParameter,
		"Json": hot.JSONParameter, "Boolean": hot.BooleanParameter,
	}
}

// defaultRegion is Heat's; there is no other.
const defaultRegion = "ap-southeast-1"

// pseudo gives the parameters that are always there. The stack's ID is Heat's ARN.
func pseudo(p hot.Pseudo) map[string]any {
	return map[string]any{
		"AWS::StackId":   fmt.Sprintf("arn:openstack:heat::%s:stacks/%s/%s", url.PathEscape(p.ProjectID), p.StackName, p.StackID),
		"AWS::StackName": p.StackName,
		"AWS::Region":    defaultRegion,
	}
}
