"""Receives webhooks that are signed as Standard Webhooks says: verify the raw body, claim the
id and keep the event in one transaction, answer at once, work later.

WEBHOOK_SECRET is the endpoint's secret, PORT where to listen, DATABASE a file of SQLite."""

import json
import os
import sqlite3
import threading
from contextlib import closing

from flask import Flask, request
from standardwebhooks import Webhook, WebhookVerificationError
from werkzeug.serving import make_server

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
database = os.environ.get("DATABASE", "webhooks.db")
wake = threading.Event()
app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024


def connect():
    return closing(sqlite3.connect(database, timeout=10, isolation_level=None))


def make_table():
    # The primary key is what makes the claim atomic. Delete rows once they are older than the
    # sender tries: Postrider tries for up to three days.
    with connect() as connection:
        connection.execute(
            "create table if not exists inbox (id text primary key, event text not null,"
            " handled integer not null default 0, received text not null default current_timestamp)"
        )


@app.post("/webhooks")
def receive():
    # The raw body: JSON that was parsed and printed again does not verify.
    body = request.get_data()
    try:
        webhook.verify(body, dict(request.headers))
    except WebhookVerificationError:
        return "", 401
    with connect() as connection:
        connection.execute(
            "insert into inbox (id, event) values (?, ?) on conflict do nothing",
            (request.headers["webhook-id"], body.decode()),
        )
    # Whether new or known, it is kept now, and will be handled even if this process ends here.
    wake.set()
    return "", 202


def work():
    while True:
        with connect() as connection:
            rows = connection.execute("select id, event from inbox where handled = 0 limit 100")
            for message_id, event in rows.fetchall():
                handle(message_id, json.loads(event))
                connection.execute("update inbox set handled = 1 where id = ?", (message_id,))
        wake.wait()
        wake.clear()


def handle(message_id, event):
    print(f"handled {message_id} {json.dumps(event)}", flush=True)


if __name__ == "__main__":
    make_table()
    threading.Thread(target=work, daemon=True).start()
    server = make_server("127.0.0.1", int(os.environ.get("PORT", "5000")), app, threaded=True)
    print(f"listening on http://127.0.0.1:{server.port}/webhooks", flush=True)
    server.serve_forever()
