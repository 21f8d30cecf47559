"""Judges the messages of a file with the libraries that receivers use, signs each of them as
well, and writes both down: verdicts and signatures, one object a line."""

import json
import sys
from datetime import datetime, timezone

import stripe
from slack_sdk.signature import SignatureVerifier
from standardwebhooks import Webhook as Standard
from svix.webhooks import Webhook as Svix


def standard(webhook):
    def sign(case):
        at = datetime.fromtimestamp(case["timestamp"], tz=timezone.utc)
        return webhook(case["secret"]).sign(case["id"], at, case["body"])

    def verify(case):
        webhook(case["secret"]).verify(case["received"], case["headers"])
        return True

    return sign, verify


def stripe_sign(case):
    signature = stripe.WebhookSignature
    return signature.generate_signature_header(case["body"], case["secret"], case["timestamp"])


def stripe_verify(case):
    header = case["headers"]["stripe-signature"]
    return stripe.WebhookSignature.verify_header(case["received"], header, case["secret"], 300)


def slack_sign(case):
    verifier = SignatureVerifier(case["secret"])
    return verifier.generate_signature(timestamp=str(case["timestamp"]), body=case["body"])


def slack_verify(case):
    verifier = SignatureVerifier(case["secret"])
    return verifier.is_valid_request(case["received"], case["headers"])


LIBRARIES = {
    "standard": {"standardwebhooks": standard(Standard), "svix": standard(Svix)},
    "github": {},
    "stripe": {"stripe": (stripe_sign, stripe_verify)},
    "slack": {"slack_sdk": (slack_sign, slack_verify)},
}


def main(path, output):
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)
    with open(output, "w", encoding="utf-8") as file:
        for index, case in enumerate(cases):
            for library, (sign, verify) in LIBRARIES[case["scheme"]].items():
                try:
                    accepted = bool(verify(case))
                except Exception:
                    accepted = False
                line = {"library": library, "index": index, "accepted": accepted}
                line["signature"] = sign(case)
                print(json.dumps(line), file=file)


if __name__ == "__main__":
    main(*sys.argv[1:])
