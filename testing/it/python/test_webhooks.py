"""Webhook endpoints with the official SDK, which verifies what they are sent."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from openai import BadRequestError, InternalServerError, InvalidWebhookSignatureError, OpenAI

from conftest import Server, World, new_session, say
from listeners import Listener, Request


def test_endpoints_by_the_sdk(client: OpenAI) -> None:
    made = client.webhooks.create(
        name="hook", url="https://hooks.test/in", event_types=["agent.session.idle"]
    )
    assert made.signing_secret.startswith("whsec_")
    known = client.webhooks.retrieve(made.id)
    assert (known.name, known.url, known.event_types) == (made.name, made.url, made.event_types)
    changed = client.webhooks.update(
        made.id, name="other", event_types=["agent.session.idle", "agent.session.failed"]
    )
    assert changed.event_types == ["agent.session.failed", "agent.session.idle"]
    assert made.id in [endpoint.id for endpoint in client.webhooks.list(limit=1)]
    rotated = client.webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True)
    assert rotated.signing_secret != made.signing_secret
    assert set(changed.event_types) <= set(client.webhooks.event_types.list().data)
    with pytest.raises(BadRequestError) as refused:
        client.webhooks.create(name="x", url="https://", event_types=["agent.session.idle"])
    assert refused.value.param == "url"
    with pytest.raises(BadRequestError) as refused:
        client.webhooks.create(name="x", url="https://10.1.2.3/", event_types=["agent.session.idle"])
    assert refused.value.param == "url", "private addresses need the operator's word"
    assert client.webhooks.delete(made.id).deleted


class Hook(Listener):
    """An endpoint that answers what it is told to, 200 otherwise."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        super().__init__(lambda _: (self.statuses.pop(0) if self.statuses else 200, {}, b""))


def verified(client: OpenAI, request: Request, secret: str) -> tuple[str, str]:
    event = client.webhooks.unwrap(request.body, request.headers, secret=secret)
    assert event.id == request.headers["webhook-id"]
    return event.type, event.data.id


def listed(client: OpenAI, path: str, status: str, attempts: int) -> dict[str, Any]:
    """The only delivery, once it stands there."""
    deadline = time.time() + 30
    while True:
        found = client.get(path, cast_to=object)["data"]
        if [(d["status"], d["attempts"]) for d in found] == [(status, attempts)]:
            return found[0]
        assert time.time() < deadline, found


def turn(client: OpenAI) -> str:
    session = new_session(client)
    with client.beta.agents.sessions.stream(session, input=say({"text": "Done."})) as stream:
        stream.get_final_result()
    return session


def test_the_sdk_verifies_what_is_sent(tmp_path: Path, world: World) -> None:
    hook = Hook()
    server = Server(tmp_path, world, hosts=[hook.host])
    try:
        with server.client() as client:
            types = client.webhooks.event_types.list().data
            endpoint = client.webhooks.create(name="hook", url=hook.url, event_types=types)
            session = turn(client)
            requests = hook.wait_for(3)
            told = sorted(verified(client, r, endpoint.signing_secret) for r in requests)
            kinds = ["agent.session.created", "agent.session.idle", "agent.session.in_progress"]
            assert told == [(kind, session) for kind in kinds]
            with pytest.raises(InvalidWebhookSignatureError):
                changed = requests[0].body.replace(b"agent", b"Agent")
                client.webhooks.unwrap(changed, requests[0].headers, secret=endpoint.signing_secret)
            hook.statuses = [418]
            tested = client.webhooks.test(endpoint.id, event_type="agent.session.idle")
            assert (tested.status_code, tested.success) == (418, True)
            assert verified(client, hook.wait_for(4)[3], endpoint.signing_secret)[1] == "ses_sample"
            hook.close()
            with pytest.raises(InternalServerError) as unreachable:
                client.with_options(max_retries=0).webhooks.test(
                    endpoint.id, event_type="agent.session.idle"
                )
            assert unreachable.value.code == "webhook_unreachable"
    finally:
        server.kill()


def test_what_was_not_taken_is_sent_again_after_a_kill(tmp_path: Path, world: World) -> None:
    hook = Hook()
    hook.statuses = [500]
    server = Server(tmp_path, world, hosts=[hook.host])
    try:
        with server.client() as client:
            endpoint = client.webhooks.create(
                name="hook", url=hook.url, event_types=["agent.session.idle"]
            )
            session = turn(client)
            first = hook.wait_for(1)[0]
            path = f"/webhook_endpoints/{endpoint.id}/deliveries"
            listed(client, path, "pending", 1)
            server.restart()
            again = hook.wait_for(2)[1]
            assert again.headers["webhook-id"] == first.headers["webhook-id"]
            assert again.body == first.body
            assert verified(client, again, endpoint.signing_secret)[1] == session
            assert int(again.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
            client.base_url = server.url
            delivered = listed(client, path, "delivered", 2)
            assert delivered["last_status_code"] == 200
            replayed = client.post(f"{path}/{delivered['id']}/replay", cast_to=object)
            assert replayed["status"] == "pending"
            assert hook.wait_for(3)[2].headers["webhook-id"] == first.headers["webhook-id"]
    finally:
        server.kill()
        hook.close()
