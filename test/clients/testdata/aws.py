import os
import boto3
import botocore

cfn = boto3.client(
    "cloudformation", endpoint_url=os.environ["CFN_URL"], region_name="RegionOne",
    aws_access_key_id="AKIDALICE", aws_secret_access_key="0123456789abcdef0123")
body = open(os.environ["TEMPLATE"]).read()
print("validated", [p["ParameterKey"] for p in cfn.validate_template(TemplateBody=body)["Parameters"]])
cfn.create_stack(StackName="aws", TemplateBody=body, Parameters=[{"ParameterKey": "text", "ParameterValue": "ü & <b>"}])
cfn.get_waiter("stack_create_complete").wait(StackName="aws", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
stack = cfn.describe_stacks(StackName="aws")["Stacks"][0]
print("status", stack["StackStatus"])
print("output", [o["OutputValue"] for o in stack["Outputs"] if o["OutputKey"] == "said"])
print("listed", [s["StackName"] for s in cfn.list_stacks()["StackSummaries"] if s["StackName"] == "aws"])
print("resources", sorted(r["LogicalResourceId"] for r in cfn.describe_stack_resources(StackName="aws")["StackResources"]))
print("template", cfn.get_template(StackName="aws")["TemplateBody"]["description"])
print("events", len(cfn.describe_stack_events(StackName="aws")["StackEvents"]) > 3)
cfn.delete_stack(StackName="aws")
try:
    cfn.describe_stacks(StackName="nobody")
except botocore.exceptions.ClientError as e:
    print("error", e.response["Error"]["Code"])
