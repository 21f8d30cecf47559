"""A call of every method of the client whose route we may answer, by the method's name;
names of both generations stand side by side. `own` is an application with an endpoint and
a published message; what a call destroys it makes first."""

import uuid
from datetime import datetime, timedelta, timezone

from svix import api, models


def ago(hours):
    return datetime.now(timezone.utc) - timedelta(hours=hours)


def options(kind, /, **values):
    """An options object, of those of its fields that this generation has."""
    kind = getattr(api, kind)
    return kind(**{key: value for key, value in values.items() if hasattr(kind, key)})


def model(kind, /, **values):
    return getattr(models, kind)(**values)


def type_in(name):
    return model("EventTypeIn", name=name, description="A thing happened")


def fresh_type(c, own=None):
    return c.event_type.create(type_in(f"made.{uuid.uuid4()}")).name


def fresh_app(c):
    return c.application.create(model("ApplicationIn", name="To be used up")).id


def fresh_endpoint(c, own):
    return c.endpoint.create(own.app, model("EndpointIn", url=own.url, disabled=True)).id


def fresh_message(c, own):
    return c.message.create(own.app, model("MessageIn", event_type="a.b", payload={"n": 1})).id


def portal(c, own, **values):
    return c.authentication.app_portal_access(own.app, model("AppPortalAccessIn", **values))


APPLICATION = {
    "list": lambda c, own: c.application.list(
        options(
            "ApplicationListOptions",
            limit=10,
            exclude_apps_with_no_endpoints=True,
            exclude_apps_with_disabled_endpoints=True,
            exclude_apps_with_svix_play_endpoints=True,
        )
    ),
    "create": lambda c, own: c.application.create(
        model("ApplicationIn", name="Made", metadata={"a": "b"}, throttle_rate=5)
    ),
    "get_or_create": lambda c, own: c.application.get_or_create(
        model("ApplicationIn", name="Made", uid=f"u-{uuid.uuid4()}")
    ),
    "get": lambda c, own: c.application.get(own.app),
    "upsert": lambda c, own: c.application.upsert(own.app, model("ApplicationIn", name="Replaced")),
    "update": lambda c, own: c.application.update(own.app, model("ApplicationIn", name="Replaced")),
    "patch": lambda c, own: c.application.patch(
        own.app, model("ApplicationPatch", metadata={"a": "b"}, throttle_rate=None)
    ),
    "delete": lambda c, own: c.application.delete(fresh_app(c)),
}

AUTHENTICATION = {
    "app_portal_access": lambda c, own: portal(
        c, own, expiry=3600, read_only=True, capabilities=["ViewBase"]
    ),
    "dashboard_access": lambda c, own: c.authentication.dashboard_access(own.app),
    "expire_all": lambda c, own: c.authentication.expire_all(
        own.app, model("ApplicationTokenExpireIn", expiry=60)
    ),
    "logout": lambda c, own: own.client(portal(c, own).token).authentication.logout(),
}


def task(c, own):
    return c.endpoint.recover(own.app, own.endpoint, model("RecoverIn", since=ago(1)))


BACKGROUND_TASK = {
    "list": lambda c, own: c.background_task.list(options("BackgroundTaskListOptions", limit=10)),
    "list_by_endpoint": lambda c, own: c.background_task.list_by_endpoint(),
    "get": lambda c, own: c.background_task.get(task(c, own).id),
}

TEAM = {"x-team": "billing"}
ENDPOINT = {
    "list": lambda c, own: c.endpoint.list(own.app, options("EndpointListOptions", limit=10)),
    "create": lambda c, own: c.endpoint.create(
        own.app,
        model("EndpointIn", url=own.url, disabled=True, channels=["eu"], headers=TEAM),
    ),
    "get": lambda c, own: c.endpoint.get(own.app, own.endpoint),
    "upsert": lambda c, own: c.endpoint.upsert(
        own.app, own.endpoint, model("EndpointUpsertIn", url=own.url, description="New")
    ),
    "update": lambda c, own: c.endpoint.update(
        own.app, own.endpoint, model("EndpointUpdate", url=own.url, version=2)
    ),
    "patch": lambda c, own: c.endpoint.patch(
        own.app, own.endpoint, model("EndpointPatch", description="Newer", channels=None)
    ),
    "delete": lambda c, own: c.endpoint.delete(own.app, fresh_endpoint(c, own)),
    "get_secret": lambda c, own: c.endpoint.get_secret(own.app, own.endpoint),
    "rotate_secret": lambda c, own: c.endpoint.rotate_secret(
        own.app,
        fresh_endpoint(c, own),
        model("EndpointSecretRotateIn", grace_period_seconds=60),
    ),
    "get_headers": lambda c, own: c.endpoint.get_headers(own.app, own.endpoint),
    "set_headers": lambda c, own: c.endpoint.set_headers(
        own.app, own.endpoint, model("EndpointHeadersIn", headers=TEAM)
    ),
    "update_headers": lambda c, own: c.endpoint.update_headers(
        own.app, own.endpoint, model("EndpointHeadersIn", headers=TEAM)
    ),
    "headers_update": lambda c, own: c.endpoint.headers_update(
        own.app, own.endpoint, model("EndpointHeadersIn", headers=TEAM)
    ),
    "patch_headers": lambda c, own: c.endpoint.patch_headers(
        own.app,
        own.endpoint,
        model("EndpointHeadersPatchIn", headers=TEAM, delete_headers=["x-gone"]),
    ),
    "headers_patch": lambda c, own: c.endpoint.headers_patch(
        own.app, own.endpoint, model("EndpointHeadersPatchIn", headers=TEAM)
    ),
    "get_stats": lambda c, own: c.endpoint.get_stats(
        own.app, own.endpoint, options("EndpointGetStatsOptions", since=ago(2), until=ago(1))
    ),
    "get_attempt_stats": lambda c, own: c.endpoint.get_attempt_stats(
        own.app,
        own.endpoint,
        options("EndpointGetAttemptStatsOptions", since=ago(2), until=ago(1)),
    ),
    "recover": task,
    "replay_missing": lambda c, own: c.endpoint.replay_missing(
        own.app, own.endpoint, model("ReplayIn", since=ago(1))
    ),
    "bulk_replay": lambda c, own: c.endpoint.bulk_replay(
        own.app,
        own.endpoint,
        model("BulkReplayIn", since=ago(1), until=ago(0), event_types=["a.b"]),
    ),
    "send_example": lambda c, own: c.endpoint.send_example(
        own.app, own.endpoint, model("EventExampleIn", event_type="svix.ping")
    ),
}

SPEC = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "webhooks": {
        "made.by.import": {"post": {"description": "Made", "requestBody": {"content": {}}}}
    },
}


def upsert_type(c, own):
    return c.event_type.upsert(fresh_type(c), model("EventTypeUpsertIn", description="Replaced"))


EVENT_TYPE = {
    "list": lambda c, own: c.event_type.list(
        options("EventTypeListOptions", limit=10, include_archived=True, with_content=True)
    ),
    "create": fresh_type,
    "import_openapi": lambda c, own: c.event_type.import_openapi(
        model("EventTypeImportOpenApiIn", spec=SPEC, dry_run=True)
    ),
    "get": lambda c, own: c.event_type.get(fresh_type(c)),
    "upsert": upsert_type,
    "update": lambda c, own: c.event_type.update(
        fresh_type(c), model("EventTypeUpdate", description="Replaced")
    ),
    "patch": lambda c, own: c.event_type.patch(
        fresh_type(c), model("EventTypePatch", deprecated=True)
    ),
    "delete": lambda c, own: c.event_type.delete(
        fresh_type(c), options("EventTypeDeleteOptions", expunge=True)
    ),
}

FILTERS = {
    "limit": 10,
    "channel": "eu",
    "before": ago(-1),
    "after": ago(1),
    "with_content": True,
    "event_types": ["a.b", "c.d"],
}
MESSAGE = {
    "list": lambda c, own: c.message.list(own.app, options("MessageListOptions", **FILTERS)),
    "create": fresh_message,
    "precheck": lambda c, own: c.message.precheck(
        own.app, model("MessagePrecheckIn", event_type="a.b", channels=["eu"])
    ),
    "get": lambda c, own: c.message.get(
        own.app, own.message, options("MessageGetOptions", with_content=True)
    ),
    "expunge_content": lambda c, own: c.message.expunge_content(own.app, fresh_message(c, own)),
    "bulk_expunge_content": lambda c, own: c.message.bulk_expunge_content(
        own.app, model("BulkExpungeContentsIn", ids=[fresh_message(c, own)])
    ),
    "expunge_all_contents": lambda c, own: c.message.expunge_all_contents(fresh_app(c)),
}

FILTERS = {**FILTERS, "status": 0, "status_code_class": 200}
MESSAGE_ATTEMPT = {
    "list_by_endpoint": lambda c, own: c.message_attempt.list_by_endpoint(
        own.app,
        own.endpoint,
        options("MessageAttemptListByEndpointOptions", **FILTERS, with_msg=True),
    ),
    "list_by_msg": lambda c, own: c.message_attempt.list_by_msg(
        own.app,
        own.message,
        options("MessageAttemptListByMsgOptions", **FILTERS, endpoint_id=own.endpoint),
    ),
    "list_attempted_messages": lambda c, own: c.message_attempt.list_attempted_messages(
        own.app,
        own.endpoint,
        options("MessageAttemptListAttemptedMessagesOptions", **FILTERS),
    ),
    "list_attempted_destinations": lambda c, own: c.message_attempt.list_attempted_destinations(
        own.app, own.message
    ),
    "get": lambda c, own: c.message_attempt.get(own.app, own.message, own.attempt),
    "expunge_content": lambda c, own: c.message_attempt.expunge_content(
        own.app, own.message, own.attempt
    ),
    "resend": lambda c, own: c.message_attempt.resend(own.app, own.message, own.endpoint),
}


def operational(of):
    """The methods of the endpoints of operational webhooks, which `of` finds in a client."""
    kind = "OperationalWebhookEndpoint"

    def body(suffix, **values):
        return model(kind + suffix, **values)

    def create(c, own=None):
        return of(c).create(body("In", url="https://example.com/op", description="Ours"))

    def fresh(c):
        return create(c).id

    team = lambda: body("HeadersIn", headers=TEAM)
    return {
        "list": lambda c, own: of(c).list(options(kind + "ListOptions", limit=10)),
        "create": create,
        "get": lambda c, own: of(c).get(fresh(c)),
        "upsert": lambda c, own: of(c).upsert(
            fresh(c), body("UpsertIn", url="https://example.com/new")
        ),
        "update": lambda c, own: of(c).update(
            fresh(c), body("Update", url="https://example.com/new")
        ),
        "delete": lambda c, own: of(c).delete(fresh(c)),
        "get_secret": lambda c, own: of(c).get_secret(fresh(c)),
        "rotate_secret": lambda c, own: of(c).rotate_secret(fresh(c), body("SecretIn")),
        "get_headers": lambda c, own: of(c).get_headers(fresh(c)),
        "set_headers": lambda c, own: of(c).set_headers(fresh(c), team()),
        "update_headers": lambda c, own: of(c).update_headers(fresh(c), team()),
    }


STATISTICS = {
    "aggregate_app_stats": lambda c, own: c.statistics.aggregate_app_stats(
        model("AppUsageStatsIn", since=ago(24), until=ago(0))
    ),
    "aggregate_event_types": lambda c, own: c.statistics.aggregate_event_types(),
}

ENVIRONMENT = {
    "export": lambda c, own: c.environment.export(),
    "import_": lambda c, own: c.environment.import_(
        model("EnvironmentIn", event_types=[type_in("imported.type")])
    ),
}

GROUPS = {
    "application": APPLICATION,
    "authentication": AUTHENTICATION,
    "background_task": BACKGROUND_TASK,
    "endpoint": ENDPOINT,
    "environment": ENVIRONMENT,
    "event_type": EVENT_TYPE,
    "health": {"get": lambda c, own: c.health.get()},
    "message": MESSAGE,
    "message_attempt": MESSAGE_ATTEMPT,
    "operational_webhook.endpoint": operational(lambda c: c.operational_webhook.endpoint),
    "operational_webhook_endpoint": operational(lambda c: c.operational_webhook_endpoint),
    "statistics": STATISTICS,
}

CALLS = {
    f"{group}.{name}": call for group, methods in GROUPS.items() for name, call in methods.items()
}

# Groups of the hosted service that we do not answer: each call is a clear 404.
UNANSWERED = [
    r"streaming\.",
    r"ingest\.",
    r"connector\.",
    r"destination\.",
    r"integration\.",
    r"autoconfig_subscription\.",
    r"message\.poller\.",
    r"endpoint\.transformation\.",
    r"endpoint\.(transformation_get|patch_transformation|transformation_partial_update)$",
    r"authentication\.(stream\w+|\w+stream_poller_token)$",
]
