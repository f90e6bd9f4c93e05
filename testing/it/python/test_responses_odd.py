"""Requests of the Responses API that are unusual: what is wrong in them is named, what is legal works."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import openai
from openai import OpenAI

from conftest import LOOKUP, Server, call, say

CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "x"}
MCP_CALL = {
    "type": "mcp_call", "id": "mcp_1", "server_label": "ledger", "name": "post",
    "arguments": "{}", "output": "Posted.",
}


def refusal(client: OpenAI, **members: Any) -> tuple[int, str | None, str | None]:
    with pytest.raises(openai.APIStatusError) as refused:
        client.responses.create(**{"model": "scripted", "input": say({"text": "x"}), **members})
    error = refused.value
    return error.status_code, error.code, error.param


@pytest.mark.parametrize(
    "members, code, param",
    [
        ({"include": ["bogus"]}, "invalid_parameter", "include[0]"),
        ({"include": ["message.output_text.logprobs"]}, "unsupported", "include[0]"),
        ({"prompt_cache_retention": "99d"}, "invalid_parameter", "prompt_cache_retention"),
        ({"prompt_cache_options": {"ttl": "1y"}}, "invalid_parameter", "prompt_cache_options.ttl"),
        ({"prompt_cache_options": {"prewarm": True}}, "unsupported", "prompt_cache_options.prewarm"),
        ({"background_options": {"bogus": 1}}, "unknown_parameter", "background_options.bogus"),
        (
            {"background_options": {"completion_window": "2h"}},
            "invalid_parameter",
            "background_options.completion_window",
        ),
        ({"reasoning": {"effort": "silly"}}, "invalid_parameter", "reasoning.effort"),
        ({"reasoning": {"context": "bogus"}}, "invalid_parameter", "reasoning.context"),
        ({"reasoning": {"mode": 1}}, "invalid_parameter", "reasoning.mode"),
        ({"reasoning": {"bogus": 1}}, "unknown_parameter", "reasoning.bogus"),
        ({"tool_choice": "required"}, "invalid_parameter", "tool_choice"),
        (
            {"tools": [LOOKUP], "tool_choice": {"type": "function", "name": "nope"}},
            "invalid_parameter",
            "tool_choice",
        ),
        ({"max_tool_calls": -1}, "invalid_parameter", "max_tool_calls"),
        ({"input": [CALL]}, "invalid_parameter", "input"),
        ({"input": [OUTPUT]}, "invalid_parameter", "input[0]"),
        ({"input": [CALL, OUTPUT, OUTPUT]}, "call_already_answered", "input"),
        ({"input": [{**MCP_CALL, "name": None}]}, "invalid_parameter", "input[0].name"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(
    loose_client: OpenAI, members: dict[str, Any], code: str, param: str
) -> None:
    assert refusal(loose_client, **members)[1:] == (code, param)


@pytest.mark.parametrize(
    "members",
    [
        {"background_options": {"completion_window": "soonest", "continuation_id": "a"}},
        {"prompt_cache_options": {"mode": "implicit", "ttl": "30m"}, "prompt_cache_retention": "24h"},
        {"include": ["file_search_call.results", "reasoning.encrypted_content"]},
        {"reasoning": {"mode": "pro", "context": "all_turns", "effort": "none"}},
        {"tools": [LOOKUP], "tool_choice": {"type": "function", "name": "lookup"}},
        {"input": [CALL, OUTPUT, {"role": "user", "content": say({"text": "x"})}]},
        {"input": [MCP_CALL, {"role": "user", "content": say({"text": "x"})}]},
        {"input": [{**MCP_CALL, "output": None, "error": "No."}, {"role": "user", "content": "x"}]},
    ],
    ids=str,
)
def test_what_is_legal_is_answered(client: OpenAI, members: dict[str, Any]) -> None:
    made: Any = {"model": "scripted", "input": say({"text": "x"}), **members}
    assert client.responses.create(**made).status == "completed"


def test_outputs_belong_to_calls_that_wait(loose_client: OpenAI) -> None:
    client = loose_client
    conversation = client.conversations.create().id
    both = [call("lookup", id=1), call("lookup", id=2)]
    asked = client.responses.create(
        model="scripted", tools=[LOOKUP], conversation=conversation, stream=True, background=True,
        input=say({"calls": both}, {"text": '{"a":1}', "pieces": 3}),
    )
    *_, last = asked
    outputs: list[Any] = [
        {"type": "function_call_output", "call_id": item.call_id, "output": "one"}
        for item in last.response.output
    ]
    there: Any = {"conversation": conversation, "tools": [LOOKUP]}
    one, other = outputs
    assert refusal(client, **there) == (400, "invalid_parameter", "input")
    assert refusal(client, **there, input=[one]) == (400, "invalid_parameter", "input")
    assert refusal(client, **there, input=[one, one])[1:] == ("call_already_answered", "input")
    done = client.responses.create(model="scripted", **there, input=outputs)
    assert done.output_text == '{"a":1}'
    # What was answered is not answered again, and what nobody asked for not at all.
    assert refusal(client, **there, input=[other])[1:] == ("call_already_answered", "input")
    unknown = {**one, "call_id": "call_nobody"}
    assert refusal(client, **there, input=[unknown]) == (400, "invalid_parameter", "input")
    kinds = [item.type for item in client.conversations.items.list(conversation, order="asc")]
    assert kinds == ["message", *["function_call"] * 2, *["function_call_output"] * 2, "message"]


def test_branches_of_one_response_go_side_by_side(loose_client: OpenAI) -> None:
    client = loose_client
    first = client.responses.create(model="scripted", input=say({"text": "One."}))

    def branch(number: int) -> Any:
        script = say({"text": f"Branch {number}.", "delay_ms": 50})
        return client.responses.create(model="scripted", input=script, previous_response_id=first.id)

    with ThreadPoolExecutor(8) as workers:
        made = list(workers.map(branch, range(16)))
    assert [one.output_text for one in made] == [f"Branch {number}." for number in range(16)]
    assert {one.previous_response_id for one in made} == {first.id}
    after = client.responses.create(
        model="scripted", input=say({"text": "On."}), previous_response_id=made[7].id
    )
    items = client.conversations.items.list(after.to_dict()["session_id"], order="asc")
    said = [item.content[0].text for item in items if item.type == "message" and item.role == "assistant"]
    assert said == ["One.", "Branch 7.", "On."], "a branch knows nothing of the others"


def test_whoever_cancels_first_or_last_sees_one_end(loose_client: OpenAI) -> None:
    client = loose_client

    def race(delay_ms: int) -> str | None:
        script = say({"text": "Done.", "delay_ms": delay_ms})
        made = client.responses.create(model="scripted", input=script, background=True)
        with ThreadPoolExecutor(3) as workers:
            seen = set(workers.map(lambda _: client.responses.cancel(made.id).status, range(3)))
        kept = client.responses.retrieve(made.id)
        *_, last = client.responses.retrieve(made.id, stream=True)
        ended: Any = last
        assert seen == {kept.status} == {ended.response.status}
        return kept.status

    with ThreadPoolExecutor(4) as workers:
        ends = set(workers.map(race, [0, 0, 5, 20, 60_000] * 4))
    assert "cancelled" in ends and ends <= {"cancelled", "completed"}


def test_what_a_server_ran_is_taken_back_where_nothing_is_kept(server: Server) -> None:
    """`input += response.output`, as it is done without a store."""
    tool: Any = {
        "type": "openapi", "label": "world", "spec_url": f"{server.world.url}/openapi.json",
        "allowed_operations": ["act"], "approval": "never",
    }
    with server.client() as client:
        asked = say({"calls": [call("act")]}, {"text": "Acted."})
        first = client.responses.create(model="scripted", input=asked, tools=[tool], store=False)
        assert [item.type for item in first.output] == ["mcp_call", "message"]
        brought: Any = [item.to_dict() for item in first.output]
        again: Any = [*brought, {"role": "user", "content": say({"text": "And more."})}]
        second = client.responses.create(model="scripted", input=again, store=False)
        assert second.output_text == "And more."
