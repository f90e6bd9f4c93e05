"""The server's wire types against the official `openai` SDK's own types.

The files under `crates/server/testdata/wire` are written by the server's tests. Here the SDK's
models read them strictly: no member may be missing, of another type, or unknown, except for
Mainstay's documented extensions.
"""

from __future__ import annotations

import json
import typing
from pathlib import Path
from typing import Any, Iterator

import httpx2
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from typing_extensions import get_type_hints, is_typeddict

from openai import OpenAI
from openai._models import construct_type
from openai._utils import PropertyInfo
from openai.pagination import SyncCursorPage
from openai.types.beta import (
    Agent,
    AgentDeleted,
    AgentSession,
    AgentSessionDeleted,
    Subagent,
    agent_create_params,
    agent_update_params,
)
from openai.types.beta.agent_session_event import AgentSessionEvent
from openai.types.beta.agent_session_item import AgentSessionItem
from openai.types.beta.agents import session_create_params, session_update_params
from openai.types.beta.agents.sessions import event_create_params
from openai.types.beta.agents.sessions.turn import Turn
from openai.types.beta.session_error import SessionError

WIRE = Path(__file__).resolve().parents[3] / "crates/server/testdata/wire"

OBJECTS: list[tuple[str, Any]] = [
    ("Agent", Agent),
    ("AgentDeleted", AgentDeleted),
    ("AgentSession", AgentSession),
    ("AgentSessionDeleted", AgentSessionDeleted),
    ("AgentSessionEvent", AgentSessionEvent),
    ("AgentSessionItem", AgentSessionItem),
    ("ErrorObject", SessionError),
    ("List", SyncCursorPage[Turn]),
    ("Subagent", Subagent),
    ("Turn", Turn),
]

# Extensions: members that only this server writes, by the end of the SDK's class name.
EXTENSIONS = {
    "EnvironmentResourceOpenAIHosted": {"cpus", "memory", "disk", "tier", "image"},
    "Event": {"sequence_number"},
    "AgentSession": {"sequence_number"},
    "TokenUsage": {"cost_microusd"},
    "SessionTurnError": {"mainstay_code"},
    "McpApprovalRequestRequest": {"kind", "arguments_sha256", "expires_at"},
    "ResourceMcp": {"safety"},
    "SyncCursorPage[Turn]": {"object", "first_id", "last_id"},
}

# Members that the SDK documents as left out rather than null.
LEFT_OUT = {"obfuscation"}
LEFT_OUT_OF = {"AgentSessionTurnReasoningSummaryPartDoneEvent": {"status"}}


def stored(name: str) -> Any:
    return json.loads((WIRE / f"{name}.json").read_text())


def models(value: object) -> Iterator[BaseModel]:
    if isinstance(value, BaseModel):
        yield value
        for member in vars(value).values():
            yield from models(member)
    elif isinstance(value, dict):
        for member in value.values():
            yield from models(member)
    elif isinstance(value, (list, tuple)):
        for member in value:
            yield from models(member)


def read_strictly(model: Any, sample: object) -> Any:
    return TypeAdapter(model).validate_json(json.dumps(sample), strict=True)


def check_members(model: BaseModel) -> None:
    name = type(model).__name__
    extensions: set[str] = set().union(*(m for end, m in EXTENSIONS.items() if name.endswith(end)))
    unknown = set(model.model_extra or {}) - extensions
    assert not unknown, f"{name} has no member {unknown}"
    optional = LEFT_OUT | LEFT_OUT_OF.get(name, set())
    absent = set(type(model).model_fields) - model.model_fields_set - optional
    assert not absent, f"{name} lacks {absent}"


@pytest.mark.parametrize("name,model", OBJECTS, ids=[name for name, _ in OBJECTS])
def test_objects_are_read_strictly(name: str, model: Any) -> None:
    samples = stored(name)
    assert samples
    for sample in samples:
        parsed = read_strictly(model, sample)
        for part in models(parsed):
            check_members(part)
        written = TypeAdapter(model).dump_python(parsed, mode="json", by_alias=True, exclude_unset=True)
        assert written == sample


@pytest.mark.parametrize("name,model", OBJECTS, ids=[name for name, _ in OBJECTS])
def test_a_missing_required_member_would_be_noticed(name: str, model: Any) -> None:
    sample = stored(name)[0]
    required = next(key for key in ("id", "event_id", "message", "data") if key in sample)
    del sample[required]
    if model is AgentSessionItem:
        sample.pop("turn_id")  # the id of a message is optional to the SDK
    with pytest.raises(ValidationError):
        read_strictly(model, sample)


def test_every_kind_of_the_sdk_has_a_sample() -> None:
    def kinds(union: Any) -> set[str]:
        members = typing.get_args(typing.get_args(union)[0])
        return {typing.get_args(member.model_fields["type"].annotation)[0] for member in members}

    assert {event["type"] for event in stored("AgentSessionEvent")} == kinds(AgentSessionEvent)
    # No part of Mainstay uses a computer.
    absent = {"computer_use_call", "computer_use_approval_request", "computer_use_approval_request_result"}
    assert {item["type"] for item in stored("AgentSessionItem")} == kinds(AgentSessionItem) - absent


def test_extended_agents_are_read_by_default_clients() -> None:
    for sample in stored("Agent.extended"):
        agent = typing.cast(Agent, construct_type(type_=Agent, value=sample))
        assert [tool.type for tool in agent.tools] == ["openapi", "files", "http"]
        assert agent.to_dict(exclude_unset=True, warnings=False) == sample
        assert "secret" not in json.dumps(sample)


# Requests


REQUESTS = {
    "AgentCreateParams": agent_create_params.AgentCreateParams,
    "AgentUpdateParams": agent_update_params.AgentUpdateParams,
    "SessionCreateParams": session_create_params.SessionCreateParamsNonStreaming,
    "SessionUpdateParams": session_update_params.SessionUpdateParams,
    "EventCreateParams": event_create_params.EventCreateParams,
}

# Extensions: members, and types of tools and inputs, that only this server reads.
REQUEST_EXTENSIONS = {"mainstay", "safety"}
TYPE_EXTENSIONS = {"openapi", "files", "http", "agent.session.input.approval_result"}

# The header of a request, a parameter to the SDK.
NOT_IN_THE_BODY = {"idempotency_key"}


def shapes(tp: Any) -> Iterator[Any]:
    """The typed dictionaries that a type consists of, whatever wraps them."""
    if is_typeddict(tp):
        yield tp
    for argument in typing.get_args(tp):
        yield from shapes(argument)


def members(shape: Any) -> dict[str, Any]:
    """A typed dictionary's members, under the names they have on the wire."""

    def wire_name(name: str, tp: Any) -> str:
        infos = [m for m in getattr(tp, "__metadata__", ()) if isinstance(m, PropertyInfo)]
        for argument in typing.get_args(tp):
            infos += [m for m in getattr(argument, "__metadata__", ()) if isinstance(m, PropertyInfo)]
        return next((info.alias for info in infos if info.alias), name)

    hints = get_type_hints(shape, include_extras=True)
    return {wire_name(name, tp): tp for name, tp in hints.items() if name not in NOT_IN_THE_BODY}


def fits(shape: Any, value: dict[str, Any]) -> bool:
    for name, tp in members(shape).items():
        for argument in (tp, *typing.get_args(tp)):
            if typing.get_origin(argument) is typing.Literal and name in ("type", "action"):
                if value.get(name, typing.get_args(argument)[0]) not in typing.get_args(argument):
                    return False
    return True


def cover(tp: Any, value: Any, seen: dict[Any, set[str]]) -> None:
    """Follows a request along the SDK's types and notes which members it uses."""
    if isinstance(value, list):
        for element in value:
            cover(tp, element, seen)
    if not isinstance(value, dict) or value.get("type") in TYPE_EXTENSIONS and "server_url" not in value:
        return
    candidates = [shape for shape in dict.fromkeys(top_shapes(tp)) if fits(shape, value)]
    if not candidates:
        return  # a free map: metadata, a JSON Schema
    known = [shape for shape in candidates if set(value) - REQUEST_EXTENSIONS <= set(members(shape))]
    assert known, f"the SDK has no shape for {value}"
    for name in value:
        if name in REQUEST_EXTENSIONS:
            continue
        for shape in known:
            seen.setdefault(shape, set()).add(name)
            cover(members(shape)[name], value[name], seen)


def top_shapes(tp: Any) -> Iterator[Any]:
    """The outermost typed dictionaries of a type."""
    if is_typeddict(tp):
        yield tp
    else:
        for argument in typing.get_args(tp):
            yield from top_shapes(argument)


def test_requests_use_every_member_that_the_sdk_can_send() -> None:
    seen: dict[Any, set[str]] = {}
    for request in stored("requests"):
        cover(REQUESTS[request["params"]], request["body"], seen)
    reachable = set(REQUESTS.values())
    pending = list(reachable)
    while pending:
        for tp in members(pending.pop()).values():
            fresh = set(top_shapes(tp)) - reachable
            reachable |= fresh
            pending += fresh
    unused = {
        f"{shape.__name__}.{name}"
        for shape in reachable
        for name in set(members(shape)) - seen.get(shape, set())
    }
    assert not unused, "\n".join(sorted(unused))


# Streams


class Server:
    """Answers with a stored stream, and remembers what it is sent."""

    def __init__(self) -> None:
        self.inputs: list[dict[str, Any]] = []

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST" and request.url.path.endswith("/events"):
            self.inputs += json.loads(request.content)["events"]
            return httpx2.Response(202)
        if request.method == "GET" and not request.url.path.endswith("/events"):
            return httpx2.Response(200, json=stored("AgentSession")[1])
        # In pieces: the SDK runs no function once it has read to the end.
        stream = (WIRE / "stream.sse").read_bytes()
        pieces = (stream[start : start + 100] for start in range(0, len(stream), 100))
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=pieces)


@pytest.mark.parametrize("creation", [False, True], ids=["follow-up", "creation"])
def test_a_stream_is_a_result_to_the_sdk(creation: bool) -> None:
    server = Server()
    client = OpenAI(
        api_key="key",
        base_url="http://127.0.0.1/v1",
        max_retries=0,
        _strict_response_validation=True,
        http_client=httpx2.Client(transport=httpx2.MockTransport(server.answer)),
    )
    asked: list[dict[str, Any]] = []

    def lookup(arguments: dict[str, Any]) -> str:
        asked.append(arguments)
        return "found"

    sessions = client.beta.agents.sessions
    handlers = {"lookup": lookup}
    stream: Any = (
        sessions.create(environment={"type": "none"}, input="Look.", stream=True, tool_handlers=handlers)
        if creation
        else sessions.stream("ses_1", input="Look.", tool_handlers=handlers)
    )
    with stream:
        result = stream.get_final_result()
    assert result.output_text == "It is a."
    assert result.turn.status == "completed"
    assert asked == [{"key": "a"}]
    results = [sent for sent in server.inputs if sent["type"] == "agent.session.input.tool_result"]
    assert results == [
        {
            "type": "agent.session.input.tool_result",
            "turn_id": "turn_1",
            "call_id": "call_1",
            "success": True,
            "output": "found",
        }
    ]
