"""The main operations by the client from PyPI, in an order in which they can be run.
POSTRIDER_URL and POSTRIDER_KEY say where and as whom."""

import os
from datetime import datetime, timedelta, timezone

from svix.api import (
    ApplicationListOptions,
    BackgroundTaskListOptions,
    MessageCreateOptions,
    MessageListOptions,
    Svix,
    SvixOptions,
)
from svix.models import (
    ApplicationIn,
    EndpointIn,
    EndpointPatch,
    EndpointSecretRotateIn,
    EventTypeIn,
    MessageIn,
    RecoverIn,
)

svix = Svix(os.environ["POSTRIDER_KEY"], SvixOptions(server_url=os.environ["POSTRIDER_URL"]))

# --- v1.application.create
app = svix.application.create(ApplicationIn(name="Acme Inc.", uid="acme-py"))

# --- v1.application.list
apps = svix.application.list(ApplicationListOptions(limit=20))

# --- v1.event-type.create
svix.event_type.create(
    EventTypeIn(name="invoice.paid.py", description="An invoice was paid in full")
)

# --- v1.endpoint.create
endpoint = svix.endpoint.create(
    "acme-py",
    EndpointIn(url="https://example.com/webhooks", event_types=["invoice.paid.py"]),
)

# --- v1.endpoint.get-secret
key = svix.endpoint.get_secret("acme-py", endpoint.id).key

# --- v1.message.create
message = svix.message.create(
    "acme-py",
    MessageIn(event_type="invoice.paid.py", payload={"invoice": "in_1", "amount": 4200}),
    MessageCreateOptions(idempotency_key="invoice-1-paid-py"),
)

# --- v1.message.list
messages = svix.message.list(
    "acme-py", MessageListOptions(event_types=["invoice.paid.py"], limit=20)
)

# --- v1.message-attempt.list-by-msg
attempts = svix.message_attempt.list_by_msg("acme-py", message.id)

# --- v1.message-attempt.resend
svix.message_attempt.resend("acme-py", message.id, endpoint.id)

# --- v1.endpoint.rotate-secret
svix.endpoint.rotate_secret(
    "acme-py", endpoint.id, EndpointSecretRotateIn(grace_period_seconds=86400)
)

# --- v1.endpoint.recover
yesterday = datetime.now(timezone.utc) - timedelta(days=1)
task = svix.endpoint.recover("acme-py", endpoint.id, RecoverIn(since=yesterday))

# --- v1.background-task.list
tasks = svix.background_task.list(BackgroundTaskListOptions(limit=20))

# --- v1.endpoint.patch
svix.endpoint.patch("acme-py", endpoint.id, EndpointPatch(disabled=True))

# --- v1.application.delete
svix.application.delete(app.id)
# ---

print(len(apps.data), len(key), len(messages.data), attempts.done, task.id, tasks.done)
