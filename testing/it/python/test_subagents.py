"""Agents that make agents: the parent's model is a script, and so is each subagent's task."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from openai import NotFoundError, OpenAI

from conftest import LOOKUP, Server, call, new_session, say
from test_restart import send

ENABLED = {"multi_agent": {"enabled": True}}
#: How long a test waits for what must happen.
WAIT_SECONDS = 20


def until_rest(client: OpenAI, session: str, after: int = 0) -> list[Any]:
    """The events of a session up to its rest."""
    seen = []
    query = {"starting_after": after}
    with client.beta.agents.sessions.events.stream(session, extra_query=query) as stream:
        for event in stream:
            seen.append(event)
            is_rest = event.type in ("agent.session.idle", "agent.session.failed")
            if is_rest and any(past.type.startswith("agent.session.turn.") for past in seen):
                return seen
    raise AssertionError("the stream ended before the session rested")


def run(client: OpenAI, session: str, *steps: dict[str, Any]) -> list[Any]:
    """Lets the parent do these steps."""
    head = client.beta.agents.sessions.retrieve(session).to_dict()["sequence_number"]
    send(client, session, say(*steps))
    return until_rest(client, session, head)


def answer(events: list[Any]) -> str:
    """What the parent said last."""
    items = [event.item for event in events if event.type == "agent.session.turn.item.done"]
    return [item for item in items if item.type == "message"][-1].content[0].text


def create(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "create_subagent", "arguments": {"task": say(*steps), **more}}


def wait(*outputs: int, **more: Any) -> dict[str, Any]:
    """Waits for the subagents that the calls of these outputs made."""
    ids = ["{{%d.subagent_id}}" % output for output in outputs]
    return call("wait_for_subagents", subagent_ids=ids, **more)


def slow(text: str, seconds: float) -> dict[str, Any]:
    return {"text": text, "delay_ms": int(seconds * 1_000)}


def subagents(client: OpenAI, session: str) -> list[Any]:
    return list(client.beta.agents.sessions.subagents.list(session, order="asc"))


def eventually(what: str, look: Any) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def turn_of(client: OpenAI, session: str, subagent: str) -> Any:
    turns = client.beta.agents.sessions.subagents.turns.list(
        subagent, session_id=session, order="desc"
    )
    return next(iter(turns))


def test_two_subagents_work_side_by_side_and_are_waited_for(client: OpenAI) -> None:
    session = new_session(client, **ENABLED)
    started = time.monotonic()
    events = run(
        client,
        session,
        {"calls": [create(slow("Seven.", 1), name="Ada"), create(slow("Nine.", 1))]},
        {"calls": [wait(0, 1)]},
        {"text": "{{2}}"},
    )
    assert time.monotonic() - started < 1.9, "they worked one after the other"
    told = json.loads(answer(events))
    assert not told["timed_out"]
    assert {one["answer"] for one in told["subagents"]} == {"Seven.", "Nine."}
    assert [one["status"] for one in told["subagents"]] == ["completed", "completed"]
    made = [event.subagent for event in events if event.type == "agent.session.subagent.created"]
    listed = subagents(client, session)
    assert {one.id for one in made} == {one.id for one in listed}
    assert {one.name for one in listed} == {"Ada", None}
    agent = client.beta.agents.sessions.retrieve(session).agent.id
    for one in listed:
        assert (one.session_id, one.parent_agent_id, one.status) == (session, agent, "active")
        assert one == client.beta.agents.sessions.subagents.retrieve(one.id, session_id=session)
    done = [event.item for event in events if event.type == "agent.session.turn.item.done"]
    calls = [item for item in done if item.type.endswith("_call")]
    kinds = [(item.type, item.status) for item in calls]
    assert sorted(kinds[:2]) == [("create_subagent_call", "completed")] * 2
    assert kinds[2] == ("wait_for_subagents_call", "completed")
    assert calls[0].agent_id == agent
    assert set(calls[2].recipient_agent_ids) == {one.id for one in listed}


def test_a_subagents_turns_and_items_are_read_through_its_session(client: OpenAI) -> None:
    session = new_session(client, **ENABLED)
    run(
        client,
        session,
        {"calls": [create({"text": "First."})]},
        {"calls": [wait(0)]},
        {"calls": [call("send_subagent_input", subagent_id="{{0.subagent_id}}", message="More.")]},
        {"calls": [wait(0)]},
        {"text": "Thanks."},
    )
    routes = client.beta.agents.sessions.subagents
    (one,) = subagents(client, session)
    turns = list(routes.turns.list(one.id, session_id=session, order="asc", limit=1))
    assert len(turns) == 2
    for turn in turns:
        assert (turn.session_id, turn.subagent_id, turn.status) == (session, one.id, "completed")
        assert turn == routes.turns.retrieve(turn.id, session_id=session, subagent_id=one.id)
    own = list(routes.turns.items.list(turns[0].id, session_id=session, subagent_id=one.id))
    assert [item.type for item in own] == ["message", "message"]
    items = list(routes.items.list(one.id, session_id=session, order="asc", limit=2))
    assert [item.content[0].text for item in items[1:]] == ["First.", "More.", "First."]
    newest = client.beta.agents.sessions.list(limit=1).data
    assert [found.id for found in newest] == [session], "subagents are not among the sessions"


def test_a_subagent_is_interrupted_closed_and_resumed(client: OpenAI) -> None:
    session = new_session(client, **ENABLED)
    named = {"subagent_id": "{{0.subagent_id}}"}
    events = run(
        client,
        session,
        {"calls": [create(slow("Never.", 60))]},
        {"calls": [call("interrupt_subagent", **named)]},
        {"calls": [call("close_subagent", **named)]},
        {"calls": [call("send_subagent_input", message="Are you there?", **named)]},
        {"calls": [call("resume_subagent", **named)]},
        {"calls": [call("send_subagent_input", message=say({"text": "Here."}), **named)]},
        {"calls": [wait(0)]},
        {"text": "{{1.status}} {{2.status}} {{4.status}} {{3}} {{6}}"},
    )
    told = answer(events)
    assert told.startswith("interrupted closed interrupted subagent ")
    assert "is closed; resume it first" in told
    assert '"answer":"Here."' in told
    kinds = [event.type.rpartition(".")[2] for event in events if ".subagent." in event.type]
    assert kinds == ["created", "closed", "active"]
    (one,) = subagents(client, session)
    assert (one.status, one.closed_at) == ("active", None)
    first = list(
        client.beta.agents.sessions.subagents.turns.list(one.id, session_id=session, order="asc")
    )[0]
    assert first.status == "cancelled"


def test_a_wait_ends_at_its_time(client: OpenAI) -> None:
    session = new_session(client, **ENABLED)
    events = run(
        client,
        session,
        {"calls": [create(slow("Late.", 60))]},
        {"calls": [create({"text": "Soon."})]},
        {"calls": [wait(0, 1, wait_for="any")]},
        {"calls": [wait(0, timeout_seconds=1)]},
        {"calls": [call("interrupt_subagent", subagent_id="{{0.subagent_id}}")]},
        {"text": "{{2}}\n{{3}}"},
    )
    first, second = (json.loads(line) for line in answer(events).splitlines())
    assert not first["timed_out"]
    assert [one["status"] for one in first["subagents"]] == ["working", "completed"]
    assert second["timed_out"]
    assert [one["status"] for one in second["subagents"]] == ["working"]


def test_the_user_is_heard_while_an_agent_waits(loose_client: OpenAI) -> None:
    client = loose_client
    session = new_session(client, **ENABLED)
    send(client, session, say({"calls": [create(slow("Never.", 60))]}, {"calls": [wait(0)]}))
    eventually("a subagent is made", lambda: subagents(client, session))
    eventually("the agent waits", lambda: is_parked(client, session))
    send(client, session, say({"text": "I am here."}))
    assert answer(until_rest(client, session)) == "I am here."
    client.beta.agents.sessions.delete(session)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (
            [{"calls": [create(slow("A.", 30)), create(slow("B.", 30)), create(slow("C.", 30))]}],
            "no more than 2 may work at once; wait for one of them first",
        ),
        ([{"calls": [wait(7)]}], 'you have no subagent ""'),
        ([{"calls": [call("create_subagent", task="")]}], "task"),
        ([{"calls": [call("close_subagent", subagent_id="ses_other")]}], "you have none"),
    ],
    ids=["concurrency", "unknown", "arguments", "not_own"],
)
def test_what_may_not_be_is_told_to_the_model(
    loose_client: OpenAI, steps: list[dict[str, Any]], told: str
) -> None:
    client = loose_client
    multi_agent = {"enabled": True, "max_concurrent_subagents": 2}
    session = new_session(client, multi_agent=multi_agent)
    last = len(steps[0]["calls"]) - 1
    text = "\n".join("{{%d}}" % index for index in range(last + 1))
    events = run(client, session, *steps, {"text": text})
    assert told in answer(events)
    client.beta.agents.sessions.delete(session)


def test_subagents_make_subagents_but_not_for_ever(loose_client: OpenAI) -> None:
    client = loose_client
    session = new_session(client, **ENABLED)

    def nested(depth: int) -> list[dict[str, Any]]:
        if depth == 5:
            return [{"calls": [create({"text": "Too deep."})]}, {"text": "{{0}}"}]
        return [{"calls": [create(*nested(depth + 1))]}, {"calls": [wait(0)]}, {"text": "{{1}}"}]

    events = run(client, session, *nested(1))
    assert "cannot make another" in answer(events)
    tree = subagents(client, session)
    assert len(tree) == 4
    assert [one.parent_agent_id for one in tree[1:]] == [one.id for one in tree[:-1]]
    assert {one.session_id for one in tree} == {session}


def test_a_cancelled_parent_interrupts_its_subagents(loose_client: OpenAI) -> None:
    client = loose_client
    session = new_session(client, **ENABLED)
    send(client, session, say({"calls": [create(slow("Never.", 60))]}, {"calls": [wait(0)]}))
    (one,) = eventually("a subagent is made", lambda: subagents(client, session))
    cancel: Any = {"type": "agent.session.input.cancel"}
    client.beta.agents.sessions.events.create(session, events=[cancel])
    eventually(
        "the subagent's turn ends",
        lambda: turn_of(client, session, one.id).status == "cancelled",
    )


def test_a_deleted_parent_takes_its_subagents_along(loose_client: OpenAI) -> None:
    client = loose_client
    session = new_session(client, **ENABLED)
    inner = [{"calls": [create(slow("Never.", 60))]}, {"calls": [wait(0)]}]
    send(client, session, say({"calls": [create(*inner)]}, {"calls": [wait(0)]}))
    tree = eventually("a tree of two", lambda: len(found := subagents(client, session)) == 2 and found)
    cancel: Any = {"type": "agent.session.input.cancel"}
    client.beta.agents.sessions.events.create(session, events=[cancel])
    client.beta.agents.sessions.delete(session)
    for one in tree:
        eventually(f"{one.id} goes", lambda: is_gone(client, one.id))


def is_gone(client: OpenAI, session: str) -> bool:
    try:
        client.beta.agents.sessions.retrieve(session)
    except NotFoundError:
        return True
    return False


def test_a_subagent_asks_the_client_at_its_own_session(loose_client: OpenAI) -> None:
    client = loose_client
    session = new_session(client, tools=[LOOKUP], **ENABLED)
    asking = [{"calls": [call("lookup", id=7)]}, {"text": "It is {{0}}."}]
    send(client, session, say({"calls": [create(*asking)]}, {"calls": [wait(0)]}, {"text": "{{1}}"}))
    (one,) = eventually("a subagent is made", lambda: subagents(client, session))
    sessions = client.beta.agents.sessions
    action = eventually("it asks", lambda: sessions.retrieve(one.id).required_actions)[0]
    assert sessions.retrieve(session).status == "in_progress"
    result: Any = {
        "type": "agent.session.input.tool_result",
        "turn_id": action.turn_id,
        "call_id": action.call_id,
        "success": True,
        "output": "seven",
    }
    sessions.events.create(one.id, events=[result])
    assert "It is seven." in answer(until_rest(client, session))


def test_nothing_is_lost_when_the_server_dies(server: Server) -> None:
    steps = [
        {"calls": [create(slow("Seven.", 1.5)), create(slow("Nine.", 1.5))]},
        {"calls": [wait(0, 1)]},
        {"text": "{{2}}"},
    ]
    with server.client() as client:
        session = new_session(client, **ENABLED)
        send(client, session, say(*steps))
        eventually("both work", lambda: len(subagents(client, session)) == 2)
    for _ in range(3):
        server.restart()
        with server.client() as client:
            eventually("both are there", lambda: len(subagents(client, session)) == 2)
            eventually("the parent waits", lambda: is_parked(client, session))
    with server.client() as client:
        told = json.loads(answer(until_rest(client, session)))
        assert {one["answer"] for one in told["subagents"]} == {"Seven.", "Nine."}
        assert len(subagents(client, session)) == 2, "no subagent was made twice"
        usage = client.beta.agents.sessions.retrieve(session).usage
        own = client.beta.agents.sessions.turns.list(session)
        assert usage is not None and usage.total_tokens > 0
        assert sum(turn.usage.total_tokens for turn in own if turn.usage) == usage.total_tokens


def is_parked(client: OpenAI, session: str) -> bool:
    journal: Any = client.get(f"/agents/sessions/{session}/journal", cast_to=object)
    return any(entry["kind"] == "effect.parked" for entry in journal["data"])


def test_a_fork_has_the_answers_and_not_the_subagents(loose_client: OpenAI) -> None:
    client = loose_client
    session = new_session(client, **ENABLED)
    run(client, session, {"calls": [create({"text": "Seven."})]}, {"calls": [wait(0)]}, {"text": "{{1}}"})
    (one,) = subagents(client, session)
    fork: Any = client.post(f"/agents/sessions/{session}/fork", cast_to=object, body={})
    assert subagents(client, fork["id"]) == []
    events = run(client, fork["id"], {"calls": [call("wait_for_subagents", subagent_ids=[one.id])]}, {"text": "{{0}}"})
    assert "you have none" in answer(events)
