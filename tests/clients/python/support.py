"""What the tests share: the server under test, a receiver, and waiting."""

import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from svix.api import Svix, SvixOptions


def client(token=None):
    """The official client, aimed at the server under test."""
    token = token or os.environ["POSTRIDER_TEST_KEY"]
    return Svix(token, SvixOptions(server_url=os.environ["POSTRIDER_TEST_URL"]))


def eventually(what, probe):
    """Asks until `probe` gives something, for 30 seconds."""
    end = time.monotonic() + 30
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited 30 s for {what}")
        time.sleep(0.025)


class Receiver:
    """Records what arrives on a free port and answers 200."""

    def __init__(self):
        self.requests = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.requests.append((dict(self.headers.items()), body))
                self.send_response(200)
                self.send_header("content-length", "4")
                self.end_headers()
                self.wfile.write(b"seen")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def received(self, count):
        """Waits until `count` requests are there and gives the last of them."""
        eventually(f"{count} requests", lambda: len(self.requests) >= count)
        return self.requests[count - 1]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
