"""Runs every Python verifier over the cases of a file and says which ones a verifier
judged otherwise than the case expects."""

import base64
import json
import sys
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook as Standard
from svix.webhooks import Webhook as Svix

TOLERANCE = 300


def ed25519(secret, body, headers):
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(secret.removeprefix("whpk_")))
    message_id, at = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(at)) > TOLERANCE:
        raise ValueError("timestamp")
    signed = f"{message_id}.{at}.".encode() + body
    problem = ValueError("no signature of this kind")
    for signature in headers["webhook-signature"].split(" "):
        if signature.startswith("v1a,"):
            try:
                return key.verify(base64.b64decode(signature[4:]), signed)
            except Exception as error:
                problem = error
    raise problem


VERIFIERS = {
    "hmac": {
        "standardwebhooks": lambda secret, body, headers: Standard(secret).verify(body, headers),
        "svix": lambda secret, body, headers: Svix(secret).verify(body, headers),
    },
    "ed25519": {"cryptography": ed25519},
}


def main(path):
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)
    right = wrong = 0
    for case in cases:
        for name, verify in VERIFIERS[case["kind"]].items():
            # standardwebhooks knows the standard's own header names only.
            if name == "standardwebhooks" and "webhook-id" not in case["headers"]:
                continue
            problem = None
            try:
                verify(case["secret"], base64.b64decode(case["body"]), case["headers"])
            except Exception as error:
                problem = error
            if case["accepted"] == (problem is None):
                right += 1
            else:
                wrong += 1
                print(f"{name}: {case['name']}: expected {case['accepted']}: {problem!r}", file=sys.stderr)
    print(f"{right} passed, {wrong} failed")
    return 0 if right and not wrong else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
