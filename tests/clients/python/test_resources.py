"""The main path of a company that sends webhooks, through the official client."""

import os
import unittest
from datetime import datetime, timedelta, timezone

from support import Receiver, client, eventually
from svix.api import (
    EndpointListOptions,
    EventTypeListOptions,
    MessageAttemptListByMsgOptions,
    MessageCreateOptions,
    MessageListOptions,
)
from svix.exceptions import HttpError
from svix.models import (
    ApplicationIn,
    ApplicationPatch,
    EndpointHeadersIn,
    EndpointHeadersPatchIn,
    EndpointIn,
    EndpointPatch,
    EndpointSecretRotateIn,
    EndpointUpsertIn,
    EventTypeIn,
    EventTypePatch,
    EventTypeUpsertIn,
    MessageIn,
    Ordering,
)
from svix.webhooks import Webhook


class Resources(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.svix = client()
        cls.receiver = Receiver()

    @classmethod
    def tearDownClass(cls):
        cls.receiver.close()

    def app(self, name="Test"):
        return self.svix.application.create(ApplicationIn(name=name))

    def test_applications_are_made_found_changed_listed_and_deleted(self):
        uid = f"shop-{os.getpid()}"
        app = self.svix.application.create(ApplicationIn(name="Shop", uid=uid))
        again = self.svix.application.get_or_create(ApplicationIn(name="Other", uid=uid))
        self.assertEqual(again.id, app.id)
        self.assertEqual(self.svix.application.get(uid).name, "Shop")
        updated = self.svix.application.upsert(app.id, ApplicationIn(name="Store", uid=uid))
        self.assertEqual(updated.name, "Store")
        patch = ApplicationPatch(metadata={"plan": "pro"})
        self.assertEqual(self.svix.application.patch(app.id, patch).metadata, {"plan": "pro"})
        self.assertIn(app.id, [one.id for one in self.svix.application.list().data])
        self.svix.application.delete(app.id)
        with self.assertRaises(HttpError) as caught:
            self.svix.application.get(app.id)
        self.assertEqual(caught.exception.status_code, 404)

    def test_event_types_are_made_changed_listed_and_deleted(self):
        types = self.svix.event_type
        name = "python.invoice.paid"
        schemas = {"1": {"type": "object"}}
        types.create(EventTypeIn(name=name, description="Paid", schemas=schemas))
        self.assertEqual(types.get(name).schemas, schemas)
        types.upsert(name, EventTypeUpsertIn(description="Was paid"))
        self.assertTrue(types.patch(name, EventTypePatch(deprecated=True)).deprecated)
        types.delete(name)
        listed = types.list(EventTypeListOptions(include_archived=True, limit=250)).data
        self.assertTrue(next(one for one in listed if one.name == name).archived)

    def test_endpoints_are_made_changed_listed_and_deleted(self):
        app = self.app()
        self.svix.event_type.create(EventTypeIn(name="python.user", description="A user"))
        endpoints = self.svix.endpoint
        made = endpoints.create(
            app.id,
            EndpointIn(
                url=self.receiver.url,
                uid="first",
                event_types=["python.user"],
                channels=["eu"],
                headers={"x-team": "billing"},
            ),
        )
        self.assertEqual(made.event_types, ["python.user"])
        self.assertEqual(endpoints.get(app.id, "first").id, made.id)
        self.assertEqual(endpoints.get_headers(app.id, made.id).headers, {"x-team": "billing"})
        endpoints.set_headers(app.id, made.id, EndpointHeadersIn(headers={"x-team": "sales"}))
        endpoints.patch_headers(app.id, made.id, EndpointHeadersPatchIn(headers={"x-unit": "b"}))
        headers = endpoints.get_headers(app.id, made.id).headers
        self.assertEqual(headers, {"x-team": "sales", "x-unit": "b"})
        update = EndpointUpsertIn(url=self.receiver.url, description="New")
        self.assertEqual(endpoints.upsert(app.id, made.id, update).description, "New")
        self.assertTrue(endpoints.patch(app.id, made.id, EndpointPatch(disabled=True)).disabled)
        self.assertEqual([one.id for one in endpoints.list(app.id).data], [made.id])
        endpoints.delete(app.id, made.id)
        with self.assertRaises(HttpError) as caught:
            endpoints.get(app.id, made.id)
        self.assertEqual(caught.exception.status_code, 404)

    def test_a_message_is_published_delivered_recorded_and_resent(self):
        app = self.app()
        endpoint = self.svix.endpoint.create(app.id, EndpointIn(url=self.receiver.url))
        secret = self.svix.endpoint.get_secret(app.id, endpoint.id).key
        before = len(self.receiver.requests)
        message = self.svix.message.create(
            app.id,
            MessageIn(event_type="python.user", event_id="event-1", payload={"name": "Zoë"}),
        )
        headers, body = self.receiver.received(before + 1)
        Webhook(secret).verify(body, headers)

        attempts = self.svix.message_attempt
        full = MessageAttemptListByMsgOptions(with_content=True)
        listed = eventually(
            "the attempt", lambda: attempts.list_by_msg(app.id, message.id, full).data
        )
        self.assertEqual(listed[0].response_status_code, 200)
        self.assertEqual(listed[0].response, "seen")
        self.assertEqual(attempts.get(app.id, message.id, listed[0].id).id, listed[0].id)
        by_endpoint = attempts.list_by_endpoint(app.id, endpoint.id).data
        self.assertEqual(by_endpoint[0].msg_id, message.id)
        messages = attempts.list_attempted_messages(app.id, endpoint.id).data
        self.assertEqual(messages[0].id, message.id)
        destinations = attempts.list_attempted_destinations(app.id, message.id).data
        self.assertEqual(destinations[0].id, endpoint.id)

        attempts.resend(app.id, message.id, endpoint.id)
        _, again = self.receiver.received(before + 2)
        self.assertEqual(again, body)

        self.assertEqual(self.svix.message.get(app.id, "event-1").id, message.id)
        # Without an end the page runs forward, and stops a little before now.
        until = datetime.now(timezone.utc) + timedelta(hours=1)
        options = MessageListOptions(after=datetime(2020, 1, 1, tzinfo=timezone.utc), before=until)
        self.assertEqual([one.id for one in self.svix.message.list(app.id, options).data], [message.id])
        # Without an offset, as datetime.now() gives it: read as UTC.
        naive = MessageListOptions(after=datetime(2020, 1, 1), before=until)
        self.assertEqual(len(self.svix.message.list(app.id, naive).data), 1)
        self.svix.message.expunge_content(app.id, message.id)

    def test_both_secrets_verify_while_one_is_rotated_to_the_other(self):
        app = self.app()
        endpoint = self.svix.endpoint.create(app.id, EndpointIn(url=self.receiver.url))
        old = self.svix.endpoint.get_secret(app.id, endpoint.id).key
        rotate = EndpointSecretRotateIn(grace_period_seconds=600)
        fresh = self.svix.endpoint.rotate_secret(app.id, endpoint.id, rotate).key
        self.assertEqual(self.svix.endpoint.get_secret(app.id, endpoint.id).key, fresh)
        self.assertNotEqual(fresh, old)
        before = len(self.receiver.requests)
        self.svix.message.create(app.id, MessageIn(event_type="a.b", payload={"n": 1}))
        headers, body = self.receiver.received(before + 1)
        for secret in [old, fresh]:
            Webhook(secret).verify(body, headers)

    def test_the_same_idempotency_key_gives_the_same_message(self):
        app = self.app()
        body = MessageIn(event_type="a.b", payload={"n": 1})
        options = MessageCreateOptions(idempotency_key="order-17")
        one = self.svix.message.create(app.id, body, options)
        two = self.svix.message.create(app.id, body, options)
        self.assertEqual(one.id, two.id)

    def test_lists_are_paged_with_the_iterator_that_the_answer_names(self):
        app = self.app()
        endpoint = EndpointIn(url=self.receiver.url, disabled=True)
        made = [self.svix.endpoint.create(app.id, endpoint).id for _ in range(5)]
        seen, iterator = [], None
        while True:
            options = EndpointListOptions(limit=2, iterator=iterator, order=Ordering.ASCENDING)
            page = self.svix.endpoint.list(app.id, options)
            seen += [one.id for one in page.data]
            if page.done:
                break
            iterator = page.iterator
        self.assertEqual(seen, made)


if __name__ == "__main__":
    unittest.main()
