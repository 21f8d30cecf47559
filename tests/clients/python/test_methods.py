"""Every method that the client has, found by looking at the client: one whose route we
answer is called and must succeed, any other must fail as the client's own 404. A method
that neither table knows fails by name."""

import inspect
import json
import os
import re
import types
import typing
import unittest
import urllib.request

import httpx
import svix.api
from methods import CALLS, UNANSWERED
from pydantic import BaseModel
from support import Receiver, client, eventually
from svix import models
from svix.exceptions import HttpError


def methods_of(thing, path=""):
    """The public methods of the client and its parts, by name."""
    for name, member in inspect.getmembers(type(thing)):
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield from methods_of(getattr(thing, name), f"{path}{name}.")
        elif inspect.isfunction(member) and path:
            yield path + name, getattr(thing, name)


def some(kind):
    """A value that reaches the server, whatever it then says."""
    for part in typing.get_args(kind) or [kind]:
        if inspect.isclass(part) and issubclass(part, BaseModel):
            return part.model_construct()
    return "x"


def anything(method):
    hints = typing.get_type_hints(method)
    wanted = inspect.signature(method).parameters.values()
    return [some(hints[one.name]) for one in wanted if one.default is inspect.Parameter.empty]


def answered_routes():
    address = os.environ["POSTRIDER_TEST_URL"] + "/api/v1/openapi.json"
    with urllib.request.urlopen(address) as reply:
        paths = json.load(reply)["paths"]
    return [
        (method.upper(), re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) + "$"))
        for path, item in paths.items()
        for method in item
    ]


class Methods(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.svix, cls.receiver, cls.answered = client(), Receiver(), answered_routes()
        cls.asked = []
        sent = cls.sent = httpx.Client.send

        def send(self, request, **options):
            cls.asked.append((request.method, request.url.path))
            return sent(self, request, **options)

        httpx.Client.send = send
        app = cls.svix.application.create(models.ApplicationIn(name="Methods")).id
        endpoint = cls.svix.endpoint.create(app, models.EndpointIn(url=cls.receiver.url)).id
        message = models.MessageIn(event_type="a.b", payload={"n": 1})
        message = cls.svix.message.create(app, message).id
        listed = lambda: cls.svix.message_attempt.list_by_msg(app, message).data
        attempt = eventually("the attempt", listed)[0].id
        cls.own = types.SimpleNamespace(
            app=app,
            endpoint=endpoint,
            message=message,
            attempt=attempt,
            url=cls.receiver.url,
            client=client,
        )

    @classmethod
    def tearDownClass(cls):
        httpx.Client.send = cls.sent
        cls.receiver.close()

    def is_answered(self, asked):
        return any(asked[0] == method and path.match(asked[1]) for method, path in self.answered)

    def check(self, name, method):
        call = CALLS.get(name)
        known = any(re.match(pattern, name) for pattern in UNANSWERED)
        self.assertTrue(call or known, "a new method: add a call of it, or its group")
        self.asked.clear()
        error = None
        try:
            call(self.svix, self.own) if call else method(*anything(method))
        except HttpError as caught:
            error = caught
        self.assertTrue(self.asked, "nothing was asked")
        if all(self.is_answered(one) for one in self.asked):
            self.assertTrue(call, f"answered, and not tested: {self.asked}")
            self.assertIsNone(error, error and vars(error))
        else:
            self.assertIsNotNone(error)
            self.assertEqual((error.status_code, error.code), (404, "not_found"))

    def test_every_method_of_the_client(self):
        methods = dict(methods_of(self.svix))
        self.assertGreater(len(methods), 100)
        for name, method in methods.items():
            with self.subTest(name):
                self.check(name, method)

    def test_the_asynchronous_client_has_the_same_methods(self):
        token, address = os.environ["POSTRIDER_TEST_KEY"], os.environ["POSTRIDER_TEST_URL"]
        other = svix.api.SvixAsync(token, svix.api.SvixOptions(server_url=address))
        names = [name for name, _ in methods_of(other)]
        self.assertEqual(names, [name for name, _ in methods_of(self.svix)])


if __name__ == "__main__":
    unittest.main()
