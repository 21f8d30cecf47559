#!/bin/sh
# The main operations by curl, in an order in which they can be run. POSTRIDER_URL and
# POSTRIDER_KEY say where and as whom.
set -eu

# --- v1.application.create
app=$(curl --fail-with-body -sS "$POSTRIDER_URL/api/v1/app" \
  -H "Authorization: Bearer $POSTRIDER_KEY" \
  -d '{"name": "Acme Inc.", "uid": "acme-sh"}' |
  sed 's/.*"id":"\(app_[^"]*\)".*/\1/')

# --- v1.application.list
curl --fail-with-body -sS "$POSTRIDER_URL/api/v1/app?limit=20" \
  -H "Authorization: Bearer $POSTRIDER_KEY"

# --- v1.event-type.create
curl --fail-with-body -sS "$POSTRIDER_URL/api/v1/event-type" \
  -H "Authorization: Bearer $POSTRIDER_KEY" \
  -d '{"name": "invoice.paid.sh", "description": "An invoice was paid in full"}'

# --- v1.endpoint.create
endpoint=$(curl --fail-with-body -sS "$POSTRIDER_URL/api/v1/app/acme-sh/endpoint" \
  -H "Authorization: Bearer $POSTRIDER_KEY" \
  -d '{"url": "https://example.com/webhooks", "eventTypes": ["invoice.paid.sh"]}' |
  sed 's/.*"id":"\(ep_[^"]*\)".*/\1/')

# --- v1.endpoint.get-secret
curl --fail-with-body -sS "$POSTRIDER_URL/api/v1/app/acme-sh/endpoint/$endpoint/secret" \
  -H "Authorization: Bearer $POSTRIDER_KEY"

# --- v1.message.create
message=$(curl --fail-with-body -sS "$POSTRIDER_URL/api/v1/app/acme-sh/msg" \
  -H "Authorization: Bearer $POSTRIDER_KEY" \
  -H "Idempotency-Key: invoice-1-paid-sh" \
  -d '{"eventType": "invoice.paid.sh", "payload": {"invoice": "in_1", "amount": 4200}}' |
  sed 's/.*"id":"\(msg_[^"]*\)".*/\1/')

# --- v1.message.list
curl --fail-with-body -sS "$POSTRIDER_URL/api/v1/app/acme-sh/msg?event_types=invoice.paid.sh&limit=20" \
  -H "Authorization: Bearer $POSTRIDER_KEY"

# --- v1.message-attempt.list-by-msg
curl --fail-with-body -sS "$POSTRIDER_URL/api/v1/app/acme-sh/attempt/msg/$message" \
  -H "Authorization: Bearer $POSTRIDER_KEY"

# --- v1.message-attempt.resend
curl --fail-with-body -sS -X POST \
  "$POSTRIDER_URL/api/v1/app/acme-sh/msg/$message/endpoint/$endpoint/resend" \
  -H "Authorization: Bearer $POSTRIDER_KEY"

# --- v1.endpoint.rotate-secret
curl --fail-with-body -sS "$POSTRIDER_URL/api/v1/app/acme-sh/endpoint/$endpoint/secret/rotate" \
  -H "Authorization: Bearer $POSTRIDER_KEY" \
  -d '{"gracePeriodSeconds": 86400}'

# --- v1.endpoint.recover
curl --fail-with-body -sS "$POSTRIDER_URL/api/v1/app/acme-sh/endpoint/$endpoint/recover" \
  -H "Authorization: Bearer $POSTRIDER_KEY" \
  -d "{\"since\": \"$(date -u +%Y-%m-%dT00:00:00Z)\"}"

# --- v1.background-task.list
curl --fail-with-body -sS "$POSTRIDER_URL/api/v1/background-task?limit=20" \
  -H "Authorization: Bearer $POSTRIDER_KEY"

# --- v1.endpoint.patch
curl --fail-with-body -sS -X PATCH "$POSTRIDER_URL/api/v1/app/acme-sh/endpoint/$endpoint" \
  -H "Authorization: Bearer $POSTRIDER_KEY" \
  -d '{"disabled": true}'

# --- v1.application.delete
curl --fail-with-body -sS -X DELETE "$POSTRIDER_URL/api/v1/app/$app" \
  -H "Authorization: Bearer $POSTRIDER_KEY"
