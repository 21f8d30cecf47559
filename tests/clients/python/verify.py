"""Runs every Python verifier over the cases of a file and says which ones a verifier
judged otherwise than the case expects."""

import base64
import sys
import time

from cases import judge_all
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook as Standard
from svix.webhooks import Webhook as Svix

TOLERANCE = 300


def ed25519(case):
    body, headers = case["body"], case["headers"]
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(case["secret"].removeprefix("whpk_")))
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
        "standardwebhooks": lambda case: Standard(case["secret"]).verify(case["body"], case["headers"]),
        "svix": lambda case: Svix(case["secret"]).verify(case["body"], case["headers"]),
    },
    "ed25519": {"cryptography": ed25519},
}


def verifiers_of(case):
    found = dict(VERIFIERS[case["kind"]])
    # standardwebhooks knows the standard's own header names only.
    if "webhook-id" not in case["headers"]:
        found.pop("standardwebhooks", None)
    return found


if __name__ == "__main__":
    sys.exit(judge_all(verifiers_of))
