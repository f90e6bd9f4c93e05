"""The server is killed in the middle, and the same session goes on."""

from __future__ import annotations

from typing import Any

from openai import OpenAI

from conftest import LOOKUP, Server, World, call, new_session, say


def events_behind(client: OpenAI, session: str, after: int) -> list[dict[str, Any]]:
    """The events behind a number, up to the session's rest."""
    seen = []
    query = {"starting_after": after}
    with client.beta.agents.sessions.events.stream(session, extra_query=query) as stream:
        for event in stream:
            # The SDK warns of tool types that it does not know.
            seen.append(event.to_dict(warnings=False))
            if event.type == "agent.session.idle":
                break
    return seen


def kept(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events without the pieces of what was being written, which are not kept."""
    fleeting = ("evt_item_",)
    return [event for event in events if not event["event_id"].startswith(fleeting)]


def send(client: OpenAI, session: str, text: str) -> None:
    content: Any = [{"type": "input_text", "text": text}]
    message: Any = {"type": "agent.session.input.message", "input": [{"role": "user", "content": content}]}
    client.beta.agents.sessions.events.create(session, events=[message])


def test_a_call_of_the_client_outlives_the_server(server: Server) -> None:
    with server.client() as client:
        session = new_session(client, tools=[LOOKUP])
        sessions = client.beta.agents.sessions
        before = []
        with sessions.events.stream(session) as events:
            send(client, session, say({"calls": [call("lookup", id=1)]}, {"text": "Thank you."}))
            for event in events:
                before.append(event.to_dict())
                if event.type == "agent.session.requires_action":
                    break
    server.restart()
    with server.client() as client:
        sessions = client.beta.agents.sessions
        action = sessions.retrieve(session).required_actions[0]
        assert action.type == "function_call"
        sessions.events.create(
            session,
            events=[
                {
                    "type": "agent.session.input.tool_result",
                    "turn_id": action.turn_id,
                    "call_id": action.call_id,
                    "success": True,
                    "output": "Ada",
                }
            ],
        )
        after = events_behind(client, session, before[-1]["sequence_number"])
        assert after[-2]["type"] == "agent.session.turn.completed"
        again = events_behind(client, session, before[0]["sequence_number"] - 1)
        assert again[: len(before)] == before
        # What one stream showed while it was written, the other tells from what is kept.
        shown = kept(after)
        ids = {event["event_id"] for event in shown}
        assert [event for event in again if event["event_id"] in ids] == shown


def test_an_answer_that_was_being_written_is_written_again(server: Server) -> None:
    slow = say({"text": "One, two, three, four.", "pieces": 8, "piece_delay_ms": 150})
    before: list[dict[str, Any]] = []
    with server.client() as client:
        session = new_session(client)
        with client.beta.agents.sessions.events.stream(session) as events:
            send(client, session, slow)
            for event in events:
                before.append(event.to_dict())
                if event.type == "agent.session.turn.output_text.delta":
                    break
    server.restart()
    with server.client() as client:
        after = events_behind(client, session, before[-1]["sequence_number"])
        texts = [
            event["item"]["content"][0]["text"]
            for event in after
            if event["type"] == "agent.session.turn.item.done" and event["item"]["status"] == "completed"
        ]
        assert texts == ["One, two, three, four."]
        ids = [event["event_id"] for event in kept(before) + kept(after)]
        assert len(set(ids)) == len(ids), "nothing that is kept comes twice"


def test_an_effect_under_way_happens_once(server: Server, world: World) -> None:
    tool = {
        "type": "openapi",
        "label": "world",
        "spec_url": f"{world.url}/openapi.json",
        "allowed_operations": ["keyed_act"],
        "safety": {"keyed_act": "idempotent"},
    }
    effects = world.stats("/tool/stats")
    with server.client() as client:
        made = client.beta.agents.sessions.create(
            environment={"type": "none"}, extra_body={"agent": {"model": "scripted", "tools": [tool]}}
        )
        acted = say({"calls": [call("keyed_act", delay_ms=2_000)]}, {"text": "Acted."})
        with client.beta.agents.sessions.events.stream(made.id) as events:
            send(client, made.id, acted)
            for event in events:
                if event.type == "agent.session.turn.item.added" and event.item.type == "mcp_call":
                    break
        while world.stats("/tool/stats")["calls"] == effects["calls"]:
            pass
    server.restart()
    with server.client() as client:
        after = events_behind(client, made.id, 0)
        done = [event["item"] for event in after if event["type"] == "agent.session.turn.item.done"]
        assert [(item["type"], item["status"]) for item in done] == [
            ("mcp_call", "completed"),
            ("message", "completed"),
        ]
    now = world.stats("/tool/stats")
    assert now["effects"] == effects["effects"] + 1
    assert now["calls"] == effects["calls"] + 2


def test_a_call_that_must_not_be_made_twice_is_asked_about(server: Server, world: World) -> None:
    tool = {
        "type": "openapi",
        "label": "world",
        "spec_url": f"{world.url}/openapi.json",
        "allowed_operations": ["act"],
        "safety": {"act": "once"},
    }
    before = world.stats("/tool/stats")
    with server.client() as client:
        made = client.beta.agents.sessions.create(
            environment={"type": "none"}, extra_body={"agent": {"model": "scripted", "tools": [tool]}}
        )
        send(client, made.id, say({"calls": [call("act", delay_ms=60_000)]}, {"text": "Acted."}))
        while world.stats("/tool/stats")["calls"] == before["calls"]:
            pass
    server.restart()
    with server.client() as client:
        sessions = client.beta.agents.sessions
        with sessions.events.stream(made.id, extra_query={"starting_after": 0}) as events:
            for event in events:
                if event.type == "agent.session.requires_action":
                    action = event.session.required_actions[0]
                    assert action.type == "mcp_approval_request"
                    assert action.request.to_dict()["kind"] == "unknown_outcome"
                    answer: Any = {
                        "type": "agent.session.input.approval_result",
                        "request_id": action.request_id,
                        "decision": "done",
                        "output": "It was done.",
                    }
                    sessions.events.create(made.id, events=[answer])
                if event.type == "agent.session.idle":
                    break
        last = next(iter(sessions.items.list(made.id, limit=1)))
        assert last.type == "message" and last.content[0].text == "Acted."
    assert world.stats("/tool/stats")["effects"] == before["effects"] + 1


def test_nothing_that_was_accepted_is_lost(server: Server) -> None:
    with server.client() as client:
        sessions = [new_session(client) for _ in range(20)]
        for session in sessions:
            send(client, session, say({"text": "Here.", "delay_ms": 300}))
    server.restart()
    with server.client() as client:
        for session in sessions:
            after = events_behind(client, session, 0)
            assert after[-2]["type"] == "agent.session.turn.completed"
