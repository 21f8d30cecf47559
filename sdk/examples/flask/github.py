"""Receives webhooks that are signed as GitHub signs them: a hexadecimal HMAC-SHA256 of the raw
body. What is known of an event beside it comes in headers, which are not signed."""

import hashlib
import hmac
import json
import os
import queue
import threading

from flask import Flask, abort, request
from werkzeug.serving import make_server

secret = os.environ["WEBHOOK_SECRET"].encode()
events = queue.Queue()
seen = set()
app = Flask(__name__)


def is_genuine(body, header):
    wanted = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(header.encode(), wanted.encode())


@app.post("/webhook")
def receive():
    # Before anything reads request.json.
    body = request.get_data()
    if not is_genuine(body, request.headers.get("X-Hub-Signature-256", "")):
        abort(403)
    delivery = request.headers.get("X-GitHub-Delivery")
    if delivery not in seen:
        seen.add(delivery)
        events.put((delivery, request.headers.get("X-GitHub-Event"), json.loads(body)))
    return "", 200


def work():
    while True:
        delivery, event_type, payload = events.get()
        print(f"handled {delivery} {event_type} {json.dumps(payload)}", flush=True)


if __name__ == "__main__":
    threading.Thread(target=work, daemon=True).start()
    server = make_server("127.0.0.1", int(os.environ.get("PORT", "5000")), app, threaded=True)
    print(f"listening on http://127.0.0.1:{server.port}/webhook", flush=True)
    server.serve_forever()
