"""Streams of events, with the official SDK."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from openai import AsyncOpenAI, OpenAI

from conftest import LOOKUP, Server, call, new_session, say

STEPS = (
    {"reasoning": "Think.", "text": "Looking.", "calls": [call("lookup", id=1)], "pieces": 2},
    {"text": "It is one, surely.", "pieces": 5},
)


def worked(client: OpenAI) -> str:
    """A session with one turn: reasoning, a call, an answer in pieces."""
    session = new_session(client, tools=[LOOKUP])
    stream = client.beta.agents.sessions.stream(
        session, input=say(*STEPS), tool_handlers={"lookup": lambda arguments: "one"}
    )
    with stream as events:
        events.until_done()
    return session


def history(client: OpenAI, session: str, after: int = 0) -> list[dict[str, Any]]:
    """The events behind a number, up to the last there is."""
    last = client.beta.agents.sessions.retrieve(session).to_dict()["sequence_number"]
    events = []
    query = {"starting_after": after}
    with client.beta.agents.sessions.events.stream(session, extra_query=query) as stream:
        for event in stream:
            events.append(event.to_dict())
            at_end = events[-1]["sequence_number"] // 100 == last // 100
            if at_end and event.type == "agent.session.idle":
                return events
    pytest.fail("the stream ended by itself")


def test_pieces_make_the_answer(client: OpenAI) -> None:
    session = new_session(client)
    pieces: list[str] = []
    with client.beta.agents.sessions.stream(session, input=say({"text": "One, two, three.", "pieces": 4})) as s:
        s.with_result_collection()
        for event in s:
            if event.type == "agent.session.turn.output_text.delta":
                pieces.append(event.delta)
        result = s.get_final_result()
    assert "".join(pieces) == result.output_text == "One, two, three."
    assert len(pieces) > 1


def test_a_stream_resumes_behind_any_event(client: OpenAI) -> None:
    session = worked(client)
    whole = history(client, session)
    assert len({event["event_id"] for event in whole}) == len(whole)
    for index, event in enumerate(whole[:-1]):
        assert history(client, session, event["sequence_number"]) == whole[index + 1 :]


def test_a_live_stream_begins_with_what_comes_next(client: OpenAI) -> None:
    session = worked(client)
    with client.beta.agents.sessions.stream(session, input=say({"text": "More."})) as stream:
        first = next(stream)
        assert first.type == "agent.session.turn.created"
        stream.until_done()


def test_everything_in_a_history_is_of_the_sdks_types(shared_server: Server) -> None:
    with shared_server.client(_strict_response_validation=True) as client:
        kinds = {event["type"] for event in history(client, worked(client))}
    assert "agent.session.turn.reasoning_summary_text.done" in kinds
    assert "agent.session.requires_action" in kinds


def test_steering_and_queueing(client: OpenAI) -> None:
    sessions = client.beta.agents.sessions
    session = new_session(client)

    def message(text: str, **more: str) -> Any:
        content = [{"type": "input_text", "text": text}]
        return {"type": "agent.session.input.message", "input": [{"role": "user", "content": content}], **more}

    slow = say({"text": "Slow answer.", "pieces": 2, "piece_delay_ms": 300})
    ended: list[str] = []
    texts: list[str] = []
    with sessions.events.stream(session) as events:
        sessions.events.create(session, events=[message(slow)])
        for event in events:
            if event.type == "agent.session.turn.output_text.delta" and not texts and not ended:
                sessions.events.create(session, events=[message(say({"text": "Steered."}))])
                sessions.events.create(session, events=[message(say({"text": "Queued."}), mode="queue")])
                texts.append("")
            if event.type == "agent.session.turn.item.done" and event.item.type == "message":
                texts.append(event.item.content[0].text)
            if event.type == "agent.session.turn.completed":
                ended.append(event.turn_id)
            if event.type == "agent.session.idle" and len(ended) == 2:
                break
    assert texts[1:] == ["Slow answer.", "Steered.", "Queued."]
    assert len(set(ended)) == 2


def test_a_cancelled_turn_ends_the_helper(client: OpenAI) -> None:
    sessions = client.beta.agents.sessions
    session = new_session(client)
    kinds: list[str] = []
    with sessions.stream(session, input=say({"text": "Never.", "delay_ms": 60_000})) as stream:
        for event in stream:
            kinds.append(event.type.removeprefix("agent.session."))
            if event.type == "agent.session.turn.in_progress":
                sessions.events.create(session, events=[{"type": "agent.session.input.cancel"}])
    assert kinds[-2:] == ["turn.cancelled", "idle"]


def test_the_asynchronous_client(shared_server: Server) -> None:
    async def talk() -> str:
        async with AsyncOpenAI(base_url=shared_server.url, api_key=shared_server.key) as client:
            sessions = client.beta.agents.sessions
            session = await sessions.create(
                environment={"type": "none"}, agent={"model": "scripted", "tools": [LOOKUP]}
            )

            async def lookup(arguments: dict[str, Any]) -> str:
                return json.dumps(arguments)

            handlers = {"lookup": lookup}
            async with sessions.stream(session.id, input=say(*STEPS), tool_handlers=handlers) as stream:
                return (await stream.get_final_result()).output_text

    assert asyncio.run(talk()) == "It is one, surely."
