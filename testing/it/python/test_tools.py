"""Tools, the client's and the server's, with the official SDK."""

from __future__ import annotations

from typing import Any

import pytest

from openai import ConflictError, OpenAI
from openai.lib.beta.agents import AgentTurnResultError

from conftest import LOOKUP, World, call, new_session, say


def test_functions_are_run_by_the_sdk(client: OpenAI) -> None:
    seen: list[dict[str, Any]] = []

    def lookup(arguments: dict[str, Any]) -> dict[str, Any]:
        seen.append(arguments)
        return {"name": "Ada"}

    session = new_session(client, tools=[LOOKUP])
    asked = say({"calls": [call("lookup", id=1), call("lookup", id=2)]}, {"text": "Ada, twice."})
    with client.beta.agents.sessions.stream(session, input=asked, tool_handlers={"lookup": lookup}) as s:
        assert s.get_final_result().output_text == "Ada, twice."
    assert seen == [{"id": 1}, {"id": 2}]


def test_a_function_that_raises_is_a_failed_call(client: OpenAI) -> None:
    def lookup(arguments: dict[str, Any]) -> str:
        raise RuntimeError("not today")

    session = new_session(client, tools=[LOOKUP])
    asked = say({"calls": [call("lookup", id=1)]}, {"text": "It failed."})
    with client.beta.agents.sessions.stream(session, input=asked, tool_handlers={"lookup": lookup}) as s:
        assert s.get_final_result().output_text == "It failed."
    calls = [i for i in client.beta.agents.sessions.items.list(session) if i.type == "function_call"]
    assert [item.status for item in calls] == ["failed"]


def test_arguments_that_do_not_fit_are_never_run(client: OpenAI) -> None:
    def lookup(arguments: dict[str, Any]) -> str:
        pytest.fail(f"run with {arguments}")

    session = new_session(client, tools=[LOOKUP])
    asked = say(
        {"calls": [call("lookup", id="one"), call("nothing"), {"name": "lookup", "arguments": "{"}]},
        {"text": "Never mind."},
    )
    with client.beta.agents.sessions.stream(session, input=asked, tool_handlers={"lookup": lookup}) as s:
        assert s.get_final_result().output_text == "Never mind."


def test_a_call_without_a_handler_waits_for_its_result(client: OpenAI) -> None:
    sessions = client.beta.agents.sessions
    session = new_session(client, tools=[LOOKUP])
    asked = say({"calls": [call("lookup", id=1)]}, {"text": "Thank you."})
    with sessions.stream(session, input=asked) as stream:
        with pytest.raises(AgentTurnResultError) as error:
            stream.get_final_result()
    assert error.value.reason == "requires_action"
    action = sessions.retrieve(session).required_actions[0]
    assert action.type == "function_call"
    result: Any = {
        "type": "agent.session.input.tool_result",
        "turn_id": action.turn_id,
        "call_id": action.call_id,
        "success": True,
        "output": [{"type": "input_text", "text": "Ada"}],
    }
    with sessions.events.stream(session) as events:
        sessions.events.create(session, events=[result])
        for event in events:
            if event.type == "agent.session.idle":
                break
    texts = [i for i in sessions.items.list(session, limit=1)]
    assert texts[0].type == "message" and texts[0].content[0].text == "Thank you."
    with pytest.raises(ConflictError):
        sessions.events.create(session, events=[result])


def test_the_operations_of_an_openapi_document(loose_client: OpenAI, world: World) -> None:
    tool = {
        "type": "openapi",
        "label": "world",
        "spec_url": f"{world.url}/openapi.json",
        "allowed_operations": ["look", "act"],
    }
    made = loose_client.beta.agents.sessions.create(
        environment={"type": "none"},
        agent={"model": "scripted"},
        extra_body={"agent": {"model": "scripted", "tools": [tool]}},
    )
    before = world.stats("/tool/stats")["effects"]
    asked = say({"calls": [call("look", note="a"), call("act", note="b")]}, {"text": "Done."})
    with loose_client.beta.agents.sessions.stream(made.id, input=asked) as stream:
        assert stream.get_final_result().output_text == "Done."
    assert world.stats("/tool/stats")["effects"] > before
    calls = [i for i in loose_client.beta.agents.sessions.items.list(made.id) if i.type == "mcp_call"]
    assert [(item.server_label, item.status) for item in calls] == [("world", "completed")] * 2


def test_a_person_approves_a_call(loose_client: OpenAI, world: World) -> None:
    tool = {
        "type": "openapi",
        "label": "world",
        "spec_url": f"{world.url}/openapi.json",
        "allowed_operations": ["act"],
        "approval": "always",
    }
    sessions = loose_client.beta.agents.sessions
    made = sessions.create(
        environment={"type": "none"}, extra_body={"agent": {"model": "scripted", "tools": [tool]}}
    )
    with sessions.stream(made.id, input=say({"calls": [call("act")]}, {"text": "Acted."})) as stream:
        for event in stream:
            if event.type == "agent.session.requires_action":
                action = event.session.required_actions[0]
                assert action.type == "mcp_approval_request"
                sessions.events.create(
                    made.id,
                    events=[
                        {
                            "type": "agent.session.input.mcp_approval_request_result",
                            "request_id": action.request_id,
                            "response": {"type": "mcp_tool_call", "decision": "approve"},
                        }
                    ],
                )
    done = next(iter(sessions.items.list(made.id, limit=1)))
    assert done.type == "message" and done.content[0].text == "Acted."
