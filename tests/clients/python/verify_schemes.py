"""Checks deliveries signed as Stripe and Slack sign with the verifiers that these publish,
and others with the standard library, and says which ones were judged otherwise than
expected."""

import base64
import hashlib
import hmac
import sys

import stripe
from cases import judge_all
from slack_sdk.signature import SignatureVerifier


def check_stripe(case):
    stripe.Webhook.construct_event(case["body"], case["headers"]["stripe-signature"], case["secret"])


def check_slack(case):
    headers = case["headers"]
    at, signature = headers["x-slack-request-timestamp"], headers["x-slack-signature"]
    if not SignatureVerifier(case["secret"]).is_valid(case["body"], at, signature):
        raise ValueError("another signature")


def check_github(case):
    made = hmac.new(case["secret"].encode(), case["body"], hashlib.sha256).hexdigest()
    if not hmac.compare_digest(case["headers"]["x-hub-signature-256"], f"sha256={made}"):
        raise ValueError("another signature")


def check_hmac(case):
    headers = case["headers"]
    signed = case["signed"].replace("{id}", headers.get("x-acme-id", ""))
    signed = signed.replace("{timestamp}", headers.get("x-acme-timestamp", "")).encode()
    made = hmac.new(case["secret"].encode(), signed.replace(b"{body}", case["body"]), case["algorithm"])
    text = made.hexdigest() if case["encoding"] == "hex" else base64.b64encode(made.digest()).decode()
    if not hmac.compare_digest(headers[case["signature"]], case["prefix"] + text):
        raise ValueError("another signature")


VERIFIERS = {"stripe": check_stripe, "slack": check_slack, "github": check_github, "hmac": check_hmac}


if __name__ == "__main__":
    sys.exit(judge_all(lambda case: {case["scheme"]: VERIFIERS[case["scheme"]]}))
