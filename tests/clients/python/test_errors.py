"""Whatever goes wrong reaches the caller as the client's own exception."""

import os
import unittest

from support import client
from svix.exceptions import HttpError, HTTPValidationError
from svix.models import ApplicationIn, EndpointIn, MessageIn


class Errors(unittest.TestCase):
    def setUp(self):
        self.svix = client()

    def fails(self, status, call, *arguments):
        with self.assertRaises(HttpError) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.status_code, status)
        self.assertTrue(caught.exception.code)
        self.assertTrue(caught.exception.detail)
        return caught.exception

    def test_what_is_not_there_is_a_404(self):
        self.fails(404, self.svix.application.get, "app_none")
        app = self.svix.application.create(ApplicationIn(name="Errors"))
        self.fails(404, self.svix.endpoint.get, app.id, "ep_none")
        self.fails(404, self.svix.message.get, app.id, "msg_none")

    def test_what_is_taken_is_a_409(self):
        uid = f"taken-{os.getpid()}"
        app = self.svix.application.create(ApplicationIn(name="One", uid=uid))
        self.fails(409, self.svix.application.create, ApplicationIn(name="Two", uid=uid))
        message = MessageIn(event_type="a.b", event_id="once", payload={})
        self.svix.message.create(app.id, message)
        self.fails(409, self.svix.message.create, app.id, message)

    def test_a_value_that_is_not_allowed_is_a_422_that_names_the_field(self):
        app = self.svix.application.create(ApplicationIn(name="Errors"))
        with self.assertRaises(HTTPValidationError) as caught:
            self.svix.endpoint.create(app.id, EndpointIn(url="not a url"))
        self.assertIn("url", caught.exception.detail[0].loc)

    def test_a_wrong_key_is_a_401(self):
        wrong = client("prk_wrong")
        error = self.fails(401, wrong.application.list)
        self.assertEqual(error.code, "authentication_failed")

    def test_what_is_not_built_is_an_error_of_the_client_and_no_crash(self):
        self.fails(404, self.svix.connector.list)


if __name__ == "__main__":
    unittest.main()
