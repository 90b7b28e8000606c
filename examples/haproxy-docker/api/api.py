"""The web API: answers with its host's name, after a moment of work.

Nothing but Python's standard library. The environment says where to listen
(HOST, PORT), what to answer (MESSAGE) and how many milliseconds of a processor
a request takes (WORK).
"""

import json
import os
import signal
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = socket.gethostname()
MESSAGE = os.environ.get("MESSAGE", "Hello")
WORK = float(os.environ.get("WORK", "0")) / 1000


def work():
    end = time.thread_time() + WORK
    while time.thread_time() < end:
        pass


class API(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # HAProxy keeps its connections
    disable_nagle_algorithm = True

    def do_GET(self):
        if self.path == "/health":
            return self.answer({"status": "ok"})
        work()
        self.answer({"host": NAME, "message": MESSAGE})

    def answer(self, content):
        body = json.dumps(content).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass  # HAProxy counts, and can log


class Server(ThreadingHTTPServer):
    request_queue_size = 128  # connections that come while all threads are busy


if __name__ == "__main__":
    # The first process of a container is not ended by SIGTERM by itself.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    at = (os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "5000")))
    print(f"{NAME} listens on {at[0]}:{at[1]}")
    Server(at, API).serve_forever()
