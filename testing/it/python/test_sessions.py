"""Sessions, their turns and items, with the official SDK."""

from __future__ import annotations

import pytest

from openai import ConflictError, NotFoundError, OpenAI

from conftest import LOOKUP, Server, call, new_session, say


def test_a_sessions_life(client: OpenAI) -> None:
    sessions = client.beta.agents.sessions
    made = sessions.create(environment={"type": "none"}, metadata={"case": "17"})
    assert (made.status, made.required_actions) == ("idle", [])
    assert sessions.retrieve(made.id) == made
    changed = sessions.update(
        made.id,
        agent={"model": "another", "reasoning": {"effort": "high"}},
        metadata={"case": "18"},
        spend_control={"limit": 500},
    )
    assert (changed.agent.model, changed.metadata) == ("another", {"case": "18"})
    assert changed.spend_control is not None and changed.spend_control.limit == 500
    assert sessions.delete(made.id).deleted
    with pytest.raises(NotFoundError):
        sessions.retrieve(made.id)


def test_sessions_are_found_by_metadata(client: OpenAI) -> None:
    sessions = client.beta.agents.sessions
    mark = f"list {client._strict_response_validation}"
    made = [
        sessions.create(environment={"type": "none"}, metadata={"mark": mark, "n": str(n)}).id
        for n in range(5)
    ]
    assert [one.id for one in sessions.list(metadata={"mark": mark}, limit=2)] == made[::-1]
    assert [one.id for one in sessions.list(metadata={"mark": mark, "n": "3"})] == [made[3]]


def test_a_session_that_is_made_with_input_streams_its_first_turn(client: OpenAI) -> None:
    stream = client.beta.agents.sessions.create(
        environment={"type": "none"},
        agent={"model": "scripted"},
        input=say({"text": "Hello there.", "pieces": 3}),
        stream=True,
    )
    result = stream.get_final_result()
    assert result.output_text == "Hello there."
    assert result.turn.status == "completed"


def test_the_stream_of_a_creation_ends_by_itself(client: OpenAI) -> None:
    stream = client.beta.agents.sessions.create(
        environment={"type": "none"},
        agent={"model": "scripted"},
        input=say({"text": "Hello."}),
        stream=True,
    )
    kinds = [event.type for event in stream]
    assert (kinds[0], kinds[-1]) == ("agent.session.created", "agent.session.idle")


def test_items_and_turns_tell_what_happened(client: OpenAI) -> None:
    session = new_session(client, tools=[LOOKUP])
    sessions = client.beta.agents.sessions
    lookups = say(
        {"text": "Looking.", "calls": [call("lookup", id=1), call("lookup", id=2)]},
        {"reasoning": "Think.", "text": "Found both."},
    )
    with sessions.stream(session, input=lookups, tool_handlers={"lookup": lambda a: str(a["id"])}) as s:
        first = s.get_final_result()
    with sessions.stream(session, input=say({"text": "Again."})) as s:
        second = s.get_final_result()
    assert (first.output_text, second.output_text) == ("Found both.", "Again.")
    turns = list(sessions.turns.list(session, order="asc", limit=1))
    assert [turn.id for turn in turns] == [first.turn_id, second.turn_id]
    assert sessions.turns.retrieve(first.turn_id, session_id=session) == turns[0]
    whole = list(sessions.items.list(session, order="asc", limit=100))
    assert list(sessions.items.list(session, order="asc", limit=1)) == whole
    assert list(sessions.items.list(session, limit=2)) == whole[::-1]
    kinds = [item.type for item in whole]
    assert kinds[:4] == ["message", "message", "function_call", "function_call"]
    assert sorted(kinds[4:6]) == ["function_call_output", "function_call_output"]
    by_turn = [
        item
        for turn in turns
        for item in sessions.turns.items.list(turn.id, session_id=session, order="asc", limit=2)
    ]
    assert by_turn == whole


def test_a_session_with_a_turn_is_not_deleted(shared_server: Server, client: OpenAI) -> None:
    sessions = client.beta.agents.sessions
    session = new_session(client)
    with sessions.events.stream(session) as events:
        sessions.events.create(
            session,
            events=[
                {
                    "type": "agent.session.input.message",
                    "input": [
                        {
                            "role": "user",
                            "content": [
                                {"type": "input_text", "text": say({"text": "Slow.", "delay_ms": 60_000})}
                            ],
                        }
                    ],
                }
            ],
        )
        with pytest.raises(ConflictError):
            sessions.delete(session)
        sessions.events.create(session, events=[{"type": "agent.session.input.cancel"}])
        for event in events:
            if event.type == "agent.session.idle":
                break
    assert sessions.delete(session).deleted


def test_a_spend_limit_holds(client: OpenAI) -> None:
    session = client.beta.agents.sessions.create(
        environment={"type": "none"}, agent={"model": "scripted"}, spend_control={"limit": 1}
    )
    assert session.spend_control is not None and session.spend_control.limit == 1
