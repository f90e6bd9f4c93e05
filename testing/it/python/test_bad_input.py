"""Refusals, as the official SDK raises them."""

from __future__ import annotations

from typing import Any, Callable

import httpx2
import pytest

import openai
from openai import OpenAI

from conftest import LOOKUP, Server, call, new_session, say

Case = Callable[[OpenAI], Any]
NONE: Any = {"type": "none"}

CASES: list[tuple[str, type[openai.APIStatusError], str, str | None, Case]] = [
    ("unknown agent", openai.NotFoundError, "not_found", None, lambda c: c.beta.agents.retrieve("agent_none")),
    ("unknown session", openai.NotFoundError, "not_found", None, lambda c: c.beta.agents.sessions.retrieve("ses_none")),
    ("unknown turn", openai.NotFoundError, "not_found", None,
     lambda c: c.beta.agents.sessions.turns.retrieve("turn_none", session_id=new_session(c))),
    ("unknown field", openai.BadRequestError, "unknown_parameter", "colour",
     lambda c: c.beta.agents.create(model="scripted", extra_body={"colour": "red"})),
    ("wrong type", openai.BadRequestError, "invalid_parameter", "model",
     lambda c: c.beta.agents.create(model=1)),  # type: ignore[arg-type]
    ("too long", openai.BadRequestError, "text_too_long", "instructions",
     lambda c: c.beta.agents.create(model="scripted", instructions="x" * 256_001)),
    ("a machine made ahead", openai.BadRequestError, "unsupported", "environment.environment_id",
     lambda c: c.beta.agents.sessions.create(
         environment={"type": "openai_hosted", "environment_id": "env_1"}, agent={"model": "scripted"})),
    ("no input", openai.BadRequestError, "invalid_parameter", "events",
     lambda c: c.beta.agents.sessions.events.create(new_session(c), events=[])),
    ("bad page", openai.BadRequestError, "invalid_parameter", "limit", lambda c: c.beta.agents.list(limit=1000)),
    ("bad cursor", openai.BadRequestError, "invalid_cursor", "after", lambda c: c.beta.agents.list(after="agent_none")),
]


@pytest.mark.parametrize(("error", "code", "param", "case"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_refusal(
    loose_client: OpenAI, error: type[openai.APIStatusError], code: str, param: str | None, case: Case
) -> None:
    with pytest.raises(error) as raised:
        case(loose_client)
    assert (raised.value.code, raised.value.param) == (code, param)
    assert raised.value.request_id and raised.value.request_id.startswith("req_")


def test_a_wrong_key(shared_server: Server) -> None:
    with OpenAI(base_url=shared_server.url, api_key="msk_wrong") as client:
        with pytest.raises(openai.AuthenticationError):
            client.beta.agents.list()


class Counting(httpx2.HTTPTransport):
    """Counts requests, to see what the SDK tries again."""

    count = 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.count += 1
        return super().handle_request(request)


def test_what_cannot_succeed_is_not_tried_again(shared_server: Server) -> None:
    transport = Counting()
    with shared_server.client(http_client=httpx2.Client(transport=transport)) as client:
        session = new_session(client)
        send = client.beta.agents.sessions.events.create
        message: Any = {
            "type": "agent.session.input.message",
            "input": [{"role": "user", "content": [{"type": "input_text", "text": say({"text": "Once."})}]}],
        }
        send(session, events=[message], idempotency_key="one")
        transport.count = 0
        with pytest.raises(openai.ConflictError) as raised:
            send(session, events=[message, message], idempotency_key="one")
    assert raised.value.code == "idempotency_conflict"
    assert transport.count == 1


def test_a_repeated_request_is_taken_once(loose_client: OpenAI) -> None:
    sessions = loose_client.beta.agents.sessions
    session = new_session(loose_client)
    message: Any = {
        "type": "agent.session.input.message",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": say({"text": "Once."})}]}],
    }
    with sessions.events.stream(session) as events:
        for _ in range(3):
            sessions.events.create(session, events=[message], idempotency_key="same")
        for event in events:
            if event.type == "agent.session.idle":
                break
    assert len(list(sessions.turns.list(session))) == 1


FAULTS = [
    ("garbage", {"kind": "garbage"}),
    ("cut", {"kind": "cut"}),
    ("status", {"kind": "status", "status": 400, "code": "invalid_request_error"}),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", [f[1] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_model_that_fails_leaves_a_session_that_works(client: OpenAI, fault: dict[str, Any]) -> None:
    session = new_session(client)
    with client.beta.agents.sessions.stream(session, input=say({"text": "x", "fault": fault})) as stream:
        last = [event for event in stream if event.type == "agent.session.turn.failed"]
    assert last[0].turn.error is not None and last[0].turn.error.message
    with client.beta.agents.sessions.stream(session, input=say({"text": "Back."})) as stream:
        assert stream.get_final_result().output_text == "Back."


def test_a_model_that_fails_for_a_while_is_asked_again(client: OpenAI) -> None:
    session = new_session(client)
    flaky = say({"text": "At last.", "pieces": 3, "fault": {"kind": "cut", "times": 1}})
    with client.beta.agents.sessions.stream(session, input=flaky) as stream:
        assert stream.get_final_result().output_text == "At last."


def test_a_model_that_calls_tools_for_ever_is_stopped(loose_client: OpenAI) -> None:
    made = loose_client.beta.agents.sessions.create(
        environment={"type": "none"},
        extra_body={"agent": {"model": "scripted", "tools": [LOOKUP], "mainstay": {"limits": {"steps": 3}}}},
    )
    for_ever = say({"calls": [call("lookup", id=1)], "repeat": 1000})
    handlers = {"lookup": lambda arguments: "again"}
    with loose_client.beta.agents.sessions.stream(made.id, input=for_ever, tool_handlers=handlers) as s:
        failed = [event for event in s if event.type == "agent.session.turn.failed"]
    error = failed[0].turn.error
    assert error is not None and error.code == "usage_limit_exceeded"
