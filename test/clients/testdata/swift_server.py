# Runs Debian's Swift in one process: a proxy, and the servers of accounts, containers and objects
# behind it, each with one device in a directory. Arguments: the directory, the port of the proxy, the
# address of a Keystone, where its user is heat's.
import os
import sys
from array import array

import eventlet
import eventlet.wsgi

eventlet.monkey_patch()

from swift.common import utils

utils.HASH_PATH_SUFFIX = b"suffix"
utils.validate_hash_conf = lambda: None

from keystonemiddleware import auth_token
from swift.account import server as account
from swift.common.middleware import keystoneauth
from swift.common.ring import RingData
from swift.container import server as container
from swift.obj import server as obj
from swift.proxy import server as proxy

directory, port, keystone = sys.argv[1], int(sys.argv[2]), sys.argv[3]
os.makedirs(os.path.join(directory, "disk"))
conf = {"devices": directory, "swift_dir": directory, "mount_check": "false", "disable_fallocate": "true",
        "allow_account_management": "true", "account_autocreate": "true", "workers": "0"}


def serve(listener, app):
    eventlet.spawn(eventlet.wsgi.server, listener, app, log_output=False)


rings = {}
for name, server in ("account", account.AccountController), ("container", container.ContainerController), ("object", obj.ObjectController):
    listener = eventlet.listen(("127.0.0.1", 0))
    device = {"id": 0, "zone": 0, "region": 1, "device": "disk", "ip": "127.0.0.1", "port": listener.getsockname()[1],
              "replication_ip": "127.0.0.1", "replication_port": listener.getsockname()[1], "weight": 1}
    RingData([array("H", [0])], [device], 32).save(os.path.join(directory, name + ".ring.gz"))
    rings[name] = (listener, server)
for listener, server in rings.values():
    serve(listener, server(conf))

app = proxy.Application(conf)
app = keystoneauth.filter_factory({}, operator_roles="admin, member")(app)
app = auth_token.filter_factory({}, www_authenticate_uri=keystone, auth_url=keystone, auth_type="password", interface="public",
                                username="heat", password="password", project_name="service", user_domain_name="Default",
                                project_domain_name="Default", delay_auth_decision="true")(app)
serve(eventlet.listen(("127.0.0.1", port)), app)
eventlet.sleep(10 ** 6)
