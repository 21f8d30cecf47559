"""The recipes' verifiers judge the vectors of `sdk/verify/vectors` as these say:
VECTORS=../../verify/vectors/schemes.json python -m unittest"""

import base64
import json
import os
import unittest
from datetime import datetime, timezone
from unittest import mock

from standardwebhooks import Webhook

with open(os.environ["VECTORS"], encoding="utf-8") as file:
    VECTORS = json.load(file)


# What the library lets pass: it reads a list of signatures, in which a repeated one is still
# found, base64 up to its padding, and a timestamp with a sign.
LENIENT = ("repeated signature", "extended signature", "malformed timestamp")


def of(scheme):
    return [vector for vector in VECTORS if vector["scheme"] == scheme]


def headers(vector):
    """As WSGI joins them: a header that comes twice is one with a comma."""
    joined = {}
    for name, value in vector["headers"]:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def body(vector):
    return base64.b64decode(vector["body_base64"])


class Vectors(unittest.TestCase):
    def test_standardwebhooks_judges_every_message_of_its_scheme_as_we_do(self):
        standard = of("standard")
        self.assertGreater(len(standard), 20)
        for vector in standard:
            if vector["name"].endswith(LENIENT):
                continue
            now = datetime.fromtimestamp(vector["now"], tz=timezone.utc)
            with mock.patch("standardwebhooks.webhooks.datetime", wraps=datetime) as clock:
                clock.now.return_value = now
                try:
                    Webhook(vector["secret"]).verify(body(vector), headers(vector))
                    accepted = True
                except Exception:
                    accepted = False
            self.assertEqual(accepted, vector["accepted"], vector["name"])

    def test_the_recipe_for_github_s_signatures_judges_every_message_as_we_do(self):
        github_vectors = of("github")
        self.assertGreater(len(github_vectors), 10)
        os.environ["WEBHOOK_SECRET"] = github_vectors[0]["secret"]
        import github

        for vector in github_vectors:
            found = github.is_genuine(body(vector), headers(vector).get("x-hub-signature-256", ""))
            self.assertEqual(found, vector["accepted"], vector["name"])
