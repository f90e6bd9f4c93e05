"""The embedded model behind the official SDK."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openai import OpenAI

from conftest import MODEL, Server, function

TEXT = {"type": "string", "maxLength": 80}

TOOLS = [
    function("find_customer", "Look up a customer's id and email by name.", name=TEXT),
    function(
        "refund_order",
        "Pay a customer back.",
        order=TEXT,
        amount_eur={"type": "number", "description": "How much, in euros"},
    ),
    function("set_status", "Open or close a ticket.", ticket=TEXT, status={"enum": ["open", "closed"]}),
]

CASES = [
    ("Find the customer Greta Lind.", "find_customer", {"name": "Greta Lind"}),
    ("Pay 24.50 euros back for order O-2207.", "refund_order", {"order": "O-2207", "amount_eur": 24.5}),
    ("Ticket T-12 is solved, close it.", "set_status", {"ticket": "T-12", "status": "closed"}),
]


def new_session(client: OpenAI, **agent: Any) -> str:
    sessions = client.beta.agents.sessions
    return sessions.create(environment={"type": "none"}, agent={"model": MODEL, **agent}).id


def usages(server: Server, session: str) -> list[dict[str, int]]:
    """What each finished model call of a session read and wrote, in tokens."""
    lines = server.run("journal", "export", session).splitlines()
    payloads = [json.loads(line).get("payload", {}) for line in lines]
    outcomes = [payload.get("outcome", {}) for payload in payloads]
    return [outcome["usage"] for outcome in outcomes if outcome.get("type") == "model"]


@pytest.mark.parametrize("asked,tool,arguments", CASES, ids=[case[1] for case in CASES])
def test_the_right_tool_is_called_with_the_right_arguments(
    client: OpenAI, asked: str, tool: str, arguments: dict[str, Any]
) -> None:
    seen: list[tuple[str, dict[str, Any]]] = []

    def handler(name: str) -> Any:
        def handle(given: dict[str, Any]) -> str:
            seen.append((name, given))
            return "ok"

        return handle

    handlers = {tool["name"]: handler(tool["name"]) for tool in TOOLS}
    session = new_session(client, tools=TOOLS)
    with client.beta.agents.sessions.stream(session, input=asked, tool_handlers=handlers) as stream:
        assert stream.get_final_result().output_text
    assert seen[:1] == [(tool, arguments)]
    assert len(seen) == 1


def test_what_was_read_is_kept_between_the_steps_of_a_turn(server: Server, client: OpenAI) -> None:
    session = new_session(client, tools=TOOLS)
    handlers = {tool["name"]: lambda arguments: '{"id": "C-7", "email": "greta@lind.example"}' for tool in TOOLS}
    asked = "What is the email of the customer Greta Lind?"
    with client.beta.agents.sessions.stream(session, input=asked, tool_handlers=handlers) as stream:
        assert "greta@lind.example" in stream.get_final_result().output_text
    first, second = usages(server, session)
    # Only the call, its output and the opening of the answer are new.
    assert second["cached_input_tokens"] >= first["input_tokens"] - 2
    assert second["input_tokens"] - second["cached_input_tokens"] < 80


def test_an_answer_can_be_cancelled_in_the_middle(client: OpenAI) -> None:
    sessions = client.beta.agents.sessions
    session = new_session(client)
    with sessions.stream(session, input="Write the numbers from 1 to 900, separated by commas.") as stream:
        for event in stream:
            if event.type.endswith("output_text.delta"):
                break
        sessions.events.create(session, events=[{"type": "agent.session.input.cancel"}])
        for event in stream:
            if event.type == "agent.session.idle":
                break
    [turn] = list(sessions.turns.list(session))
    assert turn.status == "cancelled"
    # The model is free again at once: the rest of the numbers would take a minute.
    with sessions.stream(session, input="Say only the word yes.") as stream:
        assert "yes" in stream.get_final_result().output_text.lower()


def test_too_much_to_read_is_a_clear_error(client: OpenAI) -> None:
    sessions = client.beta.agents.sessions
    session = new_session(client)
    with sessions.stream(session, input="word " * 12_000) as stream:
        failed = [event for event in stream if event.type == "agent.session.turn.failed"]
    error = failed[0].turn.error
    assert error is not None and error.code == "context_length_exceeded"
    assert "8192" in error.message, error.message
    with sessions.stream(new_session(client), input="Say only the word yes.") as stream:
        assert "yes" in stream.get_final_result().output_text.lower()
