import os
import openstack

cloud = openstack.connect(
    auth_url=os.environ["AUTH_URL"], username="alice", password="password", project_name="shop",
    user_domain_name="Default", project_domain_name="Default", region_name="RegionOne")
made = cloud.create_stack("sdk", template_file=os.environ["TEMPLATE"], wait=True, timeout=30)
print("status", made.status)
print("names", sorted(s.name for s in cloud.orchestration.stacks()))
print("output", [o["output_value"] for o in made.outputs if o["output_key"] == "said"])
print("deleted", cloud.delete_stack("sdk", wait=True))
