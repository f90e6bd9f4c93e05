"""Automations with the official SDK: set up, run, killed in the middle, never run twice."""

from __future__ import annotations

import time
from typing import Any

import pytest

from openai import BadRequestError, ConflictError, NotFoundError, OpenAI

from conftest import Server, new_session, say

DEADLINE_SECONDS = 30


def new_session_target(text: str = "Report.") -> dict[str, Any]:
    return {
        "type": "new_session",
        "environment": {"type": "none"},
        "agent": {"model": "scripted"},
        "input": [{"role": "user", "content": [{"type": "input_text", "text": text}]}],
        "metadata": {"from": "automation"},
    }


def settled(client: OpenAI, automation: str, count: int) -> list[Any]:
    """The invocations, oldest first, once there are `count` and none is queued."""
    deadline = time.time() + DEADLINE_SECONDS
    while True:
        found = list(client.beta.agents.automations.invocations.list(automation, order="asc"))
        if len(found) == count and all(own.status != "queued" for own in found):
            return found
        assert time.time() < deadline and len(found) <= count, found


def test_automations_by_the_sdk(client: OpenAI) -> None:
    automations = client.beta.agents.automations
    made = automations.create(
        type="periodic",
        name="report",
        expression="0 9 * * MON-FRI",
        timezone="Europe/Berlin",
        target=new_session_target(),
        metadata={"team": "books"},
    )
    assert made.type == "periodic" and made.target.type == "new_session"
    assert (made.status, made.metadata, made.created_by.type) == (
        "active", {"team": "books"}, "developer",
    )
    assert automations.retrieve(made.id) == made
    changed = automations.update(made.id, expression="0 10 * * *", name="later")
    assert changed.type == "periodic" and changed.expression == "0 10 * * *"
    assert automations.pause(made.id).status == "paused"
    assert automations.resume(made.id).status == "active"
    assert made.id in [a.id for a in automations.list(limit=5)]
    run = automations.invocations.create(made.id)
    assert (run.status, run.source.type) == ("queued", "manual")
    ran = settled(client, made.id, 1)[0]
    assert (ran.id, ran.status) == (run.id, "completed")
    assert automations.invocations.retrieve(run.id, automation_id=made.id) == ran
    session = client.beta.agents.sessions.retrieve(ran.session_id)
    assert session.metadata == {"from": "automation"}
    with pytest.raises(BadRequestError) as refused:
        automations.update(made.id, timezone="Mars/Olympus")
    assert refused.value.param == "timezone"
    assert automations.delete(made.id).deleted
    with pytest.raises(NotFoundError):
        automations.invocations.retrieve(run.id, automation_id=made.id)


def test_a_session_is_told(client: OpenAI) -> None:
    automations = client.beta.agents.automations
    session = new_session(client)
    made = automations.create(
        type="once",
        name="reminder",
        run_at=int(time.time()) + 1,
        target={
            "type": "existing_session",
            "session_id": session,
            "instructions": say({"text": "Reminded."}),
        },
    )
    assert [a.id for a in automations.list(session_id=session)] == [made.id]
    ran = settled(client, made.id, 1)[0]
    assert ran.session_id == session and ran.source.type == "automation"
    assert automations.retrieve(made.id).status == "completed"
    with pytest.raises(ConflictError):
        automations.resume(made.id)


def test_a_time_that_passed_while_nobody_ran_is_made_up_for_once(server: Server) -> None:
    with server.client() as client:
        run_at = int(time.time()) + 1
        made = client.beta.agents.automations.create(
            type="once", name="report", run_at=run_at, target=new_session_target()
        )
        server.kill()
        while time.time() < run_at + 1:
            pass
        server.start()
        client.base_url = server.url
        assert settled(client, made.id, 1)[0].scheduled_at == run_at
        assert len(list(client.beta.agents.sessions.list())) == 1


def test_nothing_runs_twice_or_never_over_kills(server: Server) -> None:
    rounds, runs_per_round = 4, 5
    with server.client() as client:
        automations = client.beta.agents.automations
        made = automations.create(
            type="periodic", name="report", expression="0 0 1 1 *", timezone="UTC",
            target=new_session_target(say({"text": "Done."})),
        )
        asked = []
        for _ in range(rounds):
            for _ in range(runs_per_round):
                asked.append(automations.invocations.create(made.id).id)
            # In the middle of whatever has begun.
            server.restart()
            client.base_url = server.url
        ran = settled(client, made.id, rounds * runs_per_round)
        assert sorted(own.id for own in ran) == sorted(asked)
        assert {own.status for own in ran} == {"completed"}
        sessions = [own.id for own in client.beta.agents.sessions.list(limit=100)]
        assert sorted(sessions) == sorted(own.session_id for own in ran)
        for session in sessions:
            messages = [i for i in client.beta.agents.sessions.items.list(session) if i.type == "message"]
            assert len([m for m in messages if m.role == "user"]) == 1
