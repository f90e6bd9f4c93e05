"""Responses: the official SDK, streaming and not, chains, branches, tools, the background."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.responses import Response
from pydantic import BaseModel

from conftest import LOOKUP, Server, World, call, say

FUNCTION: Any = {**LOOKUP, "strict": True}


def text_of(response: Response) -> str:
    assert response.status == "completed", response
    return response.output_text


def test_a_response(client: OpenAI) -> None:
    response = client.responses.create(model="scripted", input=say({"text": "Hello."}), metadata={"a": "b"})
    assert text_of(response) == "Hello."
    assert response.metadata == {"a": "b"}
    assert response.usage is not None and response.usage.total_tokens > 0
    again = client.responses.retrieve(response.id)
    assert again.to_dict() == response.to_dict()
    items = list(client.responses.input_items.list(response.id))
    assert [item.type for item in items] == ["message"]


def test_nothing_that_was_not_asked_for_is_said_for_the_application(loose_client: OpenAI) -> None:
    response = loose_client.responses.create(model="scripted", input=say({"text": "Hello."}))
    assert response.instructions is None
    assert response.parallel_tool_calls is True
    assert response.truncation == "disabled"
    assert response.text is not None and response.text.format is not None


def test_the_events_of_a_stream(client: OpenAI) -> None:
    script = say({"reasoning": "Let me see.", "text": "One two three.", "pieces": 3})
    with client.responses.stream(model="scripted", input=script) as stream:
        events = [event for event in stream]
        final = stream.get_final_response()
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert "response.reasoning_summary_text.delta" in kinds
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == "One two three."
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(set(numbers))
    assert final.output_text == "One two three."
    kept = client.responses.retrieve(final.id).output
    assert [item.id for item in kept] == [item.id for item in final.output]


def test_a_stream_goes_on_behind_any_of_its_events(loose_client: OpenAI) -> None:
    client = loose_client
    script = say({"reasoning": "Well.", "text": "A B C D.", "pieces": 4})
    created: Any = client.responses.create(model="scripted", input=script, background=True, stream=True)
    whole = [event.to_dict() for event in created]
    id = whole[0]["response"]["id"]
    kept = [event.to_dict() for event in client.responses.retrieve(id, stream=True)]
    assert kept[-1] == whole[-1]
    for seen in whole[:-1]:
        after = seen["sequence_number"]
        rest = [event.to_dict() for event in client.responses.retrieve(id, stream=True, starting_after=after)]
        assert all(event["sequence_number"] > after for event in rest)
        text = "".join(e["delta"] for e in whole if e["type"].endswith("output_text.delta") and e["sequence_number"] <= after)
        text += "".join(e["delta"] for e in rest if e["type"].endswith("output_text.delta"))
        assert text == "A B C D.", seen["type"]
        added = [e["item"]["id"] for e in whole if e["type"] == "response.output_item.added" and e["sequence_number"] <= after]
        added += [e["item"]["id"] for e in rest if e["type"] == "response.output_item.added"]
        assert len(added) == len(set(added)) == 2, seen["type"]


def test_a_chain_and_its_branches(client: OpenAI) -> None:
    first = client.responses.create(model="scripted", input=say({"text": "One."}))
    second = client.responses.create(
        model="scripted", input=say({"text": "Two."}), previous_response_id=first.id
    )
    other = client.responses.create(
        model="scripted", input=say({"text": "Another."}), previous_response_id=first.id
    )
    third = client.responses.create(
        model="scripted", input=say({"text": "Three."}), previous_response_id=second.id
    )
    assert [text_of(r) for r in (second, other, third)] == ["Two.", "Another.", "Three."]
    session = [r.to_dict()["session_id"] for r in (first, second, other, third)]
    assert session[0] == session[1] == session[3] != session[2]
    assert [r.previous_response_id for r in (first, second, other, third)] == [
        None, first.id, first.id, second.id,
    ]
    items = list(client.beta.agents.sessions.items.list(str(session[2]), order="asc"))
    texts = [part.text for item in items if item.type == "message" for part in item.content if part.type == "output_text"]
    assert texts == ["One.", "Another."]


def test_functions(client: OpenAI) -> None:
    script = say({"calls": [call("lookup", id=1), call("lookup", id=2)]}, {"text": "Both."})
    first = client.responses.create(model="scripted", input=script, tools=[FUNCTION], tool_choice="required")
    calls = [item for item in first.output if item.type == "function_call"]
    assert first.status == "completed"
    assert [json.loads(c.arguments) for c in calls] == [{"id": 1}, {"id": 2}]
    outputs: Any = [
        {"type": "function_call_output", "call_id": c.call_id, "output": "Ada"} for c in calls
    ]
    with pytest.raises(openai.BadRequestError, match="No tool output found for function call"):
        client.responses.create(model="scripted", previous_response_id=first.id, input=outputs[:1])
    second = client.responses.create(
        model="scripted", previous_response_id=first.id, input=outputs, tools=[FUNCTION]
    )
    assert text_of(second) == "Both."
    assert [item.type for item in client.responses.input_items.list(second.id, order="asc")] == [
        "function_call_output", "function_call_output",
    ]
    # The same calls answered in another way, from the same place.
    third = client.responses.create(
        model="scripted", previous_response_id=first.id, input=outputs, tools=[FUNCTION]
    )
    assert text_of(third) == "Both."
    assert third.to_dict()["session_id"] != second.to_dict()["session_id"]


def test_the_whole_history_as_input(client: OpenAI) -> None:
    script = say({"calls": [call("lookup", id=1)]}, {"text": "Found."})
    history: list[Any] = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": script},
        {"type": "function_call", "call_id": "call_7", "name": "lookup", "arguments": '{"id": 1}'},
        {"type": "function_call_output", "call_id": "call_7", "output": "Ada"},
    ]
    response = client.responses.create(model="scripted", input=history, tools=[FUNCTION], store=False)
    assert text_of(response) == "Found."
    assert response.store is False
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


class Person(BaseModel):
    name: str
    age: int


def test_structured_output(client: OpenAI) -> None:
    script = say({"text": '{"name":"Ada","age":36}'})
    response = client.responses.parse(model="scripted", input=script, text_format=Person)
    assert response.output_parsed == Person(name="Ada", age=36)


def test_in_the_background(client: OpenAI) -> None:
    script = say({"text": "Slow.", "delay_ms": 200})
    response = client.responses.create(model="scripted", input=script, background=True)
    assert response.status in ("queued", "in_progress")
    events = client.responses.retrieve(response.id, stream=True)
    assert [event.type for event in events][-1] == "response.completed"
    assert text_of(client.responses.retrieve(response.id)) == "Slow."


def test_cancelled_in_the_background(client: OpenAI) -> None:
    script = say({"text": "Never.", "delay_ms": 60_000})
    response = client.responses.create(model="scripted", input=script, background=True)
    key = {"Idempotency-Key": f"cancel-{response.id}"}
    cancelled = client.responses.cancel(response.id, extra_headers=key)
    assert cancelled.status == "cancelled"
    assert client.responses.retrieve(response.id).status == "cancelled"
    again = client.responses.cancel(response.id, extra_headers=key)
    assert again.status == "cancelled"
    done = client.responses.create(model="scripted", input=say({"text": "Done."}))
    with pytest.raises(openai.BadRequestError, match="background"):
        client.responses.cancel(done.id)


def test_an_answer_that_is_cut(client: OpenAI) -> None:
    script = say({"text": "Half an", "finish": "length"})
    response = client.responses.create(model="scripted", input=script, max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.output_text == "Half an"


def test_an_answer_that_is_filtered(client: OpenAI) -> None:
    script = say({"text": "What one may", "finish": "content_filter"})
    response = client.responses.create(model="scripted", input=script)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "content_filter"
    message: Any = response.output[0]
    assert (message.status, response.output_text) == ("incomplete", "What one may")
    with client.responses.stream(model="scripted", input=script) as stream:
        events = [event.to_dict() for event in stream]
    assert events[-1]["type"] == "response.incomplete"
    ends = [event["item"]["status"] for event in events if event["type"] == "response.output_item.done"]
    assert ends == ["incomplete"]


def test_a_model_that_fails(client: OpenAI) -> None:
    fault = {"fault": {"kind": "status", "status": 400, "code": "invalid_prompt"}}
    response = client.responses.create(model="scripted", input=say(fault))
    assert response.status == "failed"
    assert response.error is not None and response.error.code == "server_error"
    with client.responses.stream(model="scripted", input=say(fault)) as stream:
        assert [event.type for event in stream][-1] == "response.failed"


def test_an_agent_by_name(loose_client: OpenAI) -> None:
    client = loose_client
    agent = client.beta.agents.create(model="scripted", name="Librarian", tools=[LOOKUP])
    script = say({"calls": [call("lookup", id=1)]}, {"text": "Found."})
    for name in ("Librarian", agent.id):
        response = client.responses.create(model=f"agent:{name}", input=script)
        assert [item.type for item in response.output] == ["function_call"]
        assert response.model == f"agent:{name}"
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="agent:Nobody", input="Hello.")


def test_a_response_is_deleted(client: OpenAI) -> None:
    response = client.responses.create(model="scripted", input=say({"text": "Hello."}))
    client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.delete(response.id)


def test_one_key_one_response(client: OpenAI) -> None:
    headers = {"Idempotency-Key": f"key-{id(client)}"}
    ask = lambda text: client.responses.create(model="scripted", input=say({"text": text}), extra_headers=headers)
    first, second = ask("Hello."), ask("Hello.")
    assert first.to_dict() == second.to_dict()
    with pytest.raises(openai.ConflictError):
        ask("Something else.")


BAD: list[tuple[dict[str, Any], str | None, str]] = [
    ({"input": 7}, "input", "invalid_parameter"),
    ({"input": [{"role": "judge", "content": "x"}]}, "input[0].role", "invalid_parameter"),
    ({"input": [{"type": "computer_call", "id": "x"}]}, "input[0].type", "unsupported"),
    ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}, "input[0].content[0].type", "unsupported"),
    ({"input": [{"type": "function_call_output", "call_id": "call_none", "output": "x"}]}, "input[0]", "invalid_parameter"),
    ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].id", "unsupported"),
    ({"input": "x", "unheard_of": 1}, "unheard_of", "unknown_parameter"),
    ({"input": "x", "tools": [{"type": "web_search"}]}, "tools[0].type", "unsupported"),
    ({"input": "x", "tools": [{"type": "function"}]}, "tools[0].name", "invalid_parameter"),
    ({"input": "x", "tools": [{"type": "mcp", "server_label": "x"}]}, "tools[0].server_url", "missing_parameter"),
    ({"input": "x", "temperature": 3}, "temperature", "invalid_parameter"),
    ({"input": "x", "max_output_tokens": 1}, "max_output_tokens", "invalid_parameter"),
    ({"input": "x", "prompt": {"id": "p"}}, "prompt", "unsupported"),
    ({"input": "x", "background": True, "store": False}, "background", "invalid_parameter"),
    ({"input": "x", "reasoning": {"deep": True}}, "reasoning.deep", "unknown_parameter"),
    ({"input": "x", "conversation": "conv_1", "previous_response_id": "resp_1"}, "previous_response_id", "invalid_parameter"),
    ({"input": "x", "top_logprobs": 5}, "top_logprobs", "unsupported"),
    ({"input": "x", "metadata": {"": "x"}}, "metadata", "invalid_parameter"),
]


@pytest.mark.parametrize(("body", "param", "code"), BAD, ids=[str(param) for _, param, _ in BAD])
def test_bad_input(loose_client: OpenAI, body: dict[str, Any], param: str | None, code: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        loose_client.post("/responses", body={"model": "scripted", **body}, cast_to=object)
    assert (refused.value.param, refused.value.code) == (param, code), refused.value.message


def test_what_is_not_there(loose_client: OpenAI) -> None:
    client = loose_client
    for name, ask in (
        ('response "resp_none"', lambda: client.responses.retrieve("resp_none")),
        ('response "resp_none"', lambda: client.responses.cancel("resp_none")),
        (
            'response "resp_none"',
            lambda: client.responses.create(model="scripted", input="x", previous_response_id="resp_none"),
        ),
        (
            'conversation "conv_none"',
            lambda: client.responses.create(model="scripted", input="x", conversation="conv_none"),
        ),
        ('response "resp_none"', lambda: list(client.responses.input_items.list("resp_none"))),
    ):
        with pytest.raises(openai.NotFoundError, match=f"{name} does not exist"):
            ask()


def test_a_response_in_the_background_outlives_the_server(server: Server) -> None:
    script = say({"text": "Here I am.", "pieces": 4, "piece_delay_ms": 300})
    with server.client() as client:
        seen = []
        stream: Any = client.responses.create(model="scripted", input=script, background=True, stream=True)
        for event in stream:
            seen.append(event.to_dict())
            if event.type == "response.output_text.delta":
                break
    server.restart()
    with server.client() as client:
        id, after = seen[0]["response"]["id"], seen[-1]["sequence_number"]
        rest = [event.to_dict() for event in client.responses.retrieve(id, stream=True, starting_after=after)]
        assert rest[-1]["type"] == "response.completed"
        # What was begun and lost ends; the answer comes anew under an index of its own.
        indexes = [event["output_index"] for event in seen + rest if event["type"] == "response.output_item.added"]
        assert len(indexes) == len(set(indexes))
        text = "".join(event["delta"] for event in rest if event["type"] == "response.output_text.delta")
        assert text == "Here I am."
        assert client.responses.retrieve(id).output_text == "Here I am."


def world_tool(world: World, **more: Any) -> Any:
    """An OpenAPI document whose operation `act` counts what it does."""
    return {
        "type": "openapi", "label": "world", "spec_url": f"{world.url}/openapi.json",
        "allowed_operations": ["act"], **more,
    }


def test_tools_that_the_server_runs(loose_client: OpenAI, world: World) -> None:
    script = say({"calls": [call("act", note="once")]}, {"text": "Done."})
    tools = [world_tool(world)]
    with loose_client.responses.stream(model="scripted", input=script, tools=tools) as stream:
        kinds = [event.type for event in stream]
        response = stream.get_final_response()
    assert response.output_text == "Done."
    assert [item.type for item in response.output] == ["mcp_call", "message"]
    made: Any = response.output[0]
    assert (made.server_label, made.status, made.error) == ("world", "completed", None)
    order = ["response.mcp_call.in_progress", "response.mcp_call_arguments.done", "response.mcp_call.completed"]
    assert [kind for kind in kinds if kind in order] == order


@pytest.mark.parametrize("approve", [True, False])
def test_a_call_that_a_person_is_asked_about(loose_client: OpenAI, world: World, approve: bool) -> None:
    client, tools = loose_client, [world_tool(world, approval="always")]
    before = world.stats("/tool/stats")["effects"]
    script = say({"calls": [call("act", note="asked")]}, {"text": "So be it."})
    first = client.responses.create(model="scripted", input=script, tools=tools)
    asked: Any = first.output[-1]
    assert (first.status, asked.type, asked.name) == ("completed", "mcp_approval_request", "act")
    with pytest.raises(openai.BadRequestError, match="approval request"):
        client.responses.create(model="scripted", previous_response_id=first.id, input="And?", tools=tools)
    answer: Any = {"type": "mcp_approval_response", "approval_request_id": asked.id, "approve": approve}
    second = client.responses.create(model="scripted", previous_response_id=first.id, input=[answer], tools=tools)
    assert second.output_text == "So be it."
    made: list[Any] = [item for item in second.output if item.type == "mcp_call"]
    assert [item.approval_request_id for item in made] == ([asked.id] if approve else [])
    given: Any = next(iter(client.responses.input_items.list(second.id)))
    assert (given.type, given.approve) == ("mcp_approval_response", approve)
    assert world.stats("/tool/stats")["effects"] - before == int(approve)
