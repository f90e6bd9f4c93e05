"""Chat Completions with the official SDK: whole, streamed, with tools, and refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest
from pydantic import BaseModel

import openai
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam

from conftest import Server, World, call, say

MODEL = "scripted"
LOOK: Any = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Looks something up.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"id": {"type": "integer"}},
            "required": ["id"],
            "additionalProperties": False,
        },
    },
}


class City(BaseModel):
    name: str
    inhabitants: int


def user(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def test_an_answer(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model=MODEL, messages=user(say({"reasoning": "Hm.", "text": "Hello."}))
    )
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.content == "Hello."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage and answer.usage.total_tokens > 0
    assert answer.usage.completion_tokens_details and answer.usage.prompt_tokens_details


def test_chunks_make_the_answer(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=MODEL,
            messages=user(say({"text": "One, two, three.", "pieces": 4})),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == "One, two, three."
    assert len([text for text in texts if text]) > 1
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert not chunks[-1].choices and chunks[-1].usage
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_conversation_with_tools(client: OpenAI) -> None:
    script = say(
        {"text": "Looking.", "calls": [call("look", id=1), call("look", id=2)]},
        {"text": "Both are there."},
    )
    messages: list[Any] = user(script)
    first = client.chat.completions.create(model=MODEL, messages=messages, tools=[LOOK])
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert message.content == "Looking." and message.tool_calls
    assert [json.loads(cast(Any, made).function.arguments) for made in message.tool_calls] == [
        {"id": 1},
        {"id": 2},
    ]
    # As programs do it: the message goes back as it came.
    messages.append(message)
    for made in message.tool_calls:
        messages.append({"role": "tool", "tool_call_id": made.id, "content": "there"})
    second = client.chat.completions.create(model=MODEL, messages=messages, tools=[LOOK])
    assert second.choices[0].message.content == "Both are there."


def test_the_streaming_helper_collects_calls(client: OpenAI) -> None:
    script = say({"text": "Looking.", "calls": [call("look", id=7)]}, {"text": "It is there."})
    messages: list[Any] = user(script)
    with client.chat.completions.stream(model=MODEL, messages=messages, tools=[LOOK]) as stream:
        kinds = [event.type for event in stream]
        answer = stream.get_final_completion()
    assert "content.delta" in kinds and "tool_calls.function.arguments.done" in kinds
    calls = answer.choices[0].message.tool_calls
    assert calls and calls[0].function.parsed_arguments == {"id": 7}
    # What the helper read of it goes back with it.
    messages.append(answer.choices[0].message)
    assert refusal(client, messages) == (400, "messages")
    messages.append({"role": "tool", "tool_call_id": calls[0].id, "content": "there"})
    again = client.chat.completions.parse(model=MODEL, messages=messages, tools=[LOOK])
    assert again.choices[0].message.content == "It is there."


def refusal(client: OpenAI, messages: list[Any]) -> tuple[int, str | None]:
    with pytest.raises(openai.BadRequestError, match="did not have response messages") as refused:
        client.chat.completions.create(model=MODEL, messages=messages, tools=[LOOK])
    return refused.value.status_code, refused.value.param


def test_an_answer_is_parsed(client: OpenAI) -> None:
    script = say({"text": json.dumps({"name": "Oslo", "inhabitants": 700000})})
    answer = client.chat.completions.parse(
        model=MODEL, messages=user(script), response_format=City, tools=[LOOK], tool_choice="auto"
    )
    assert answer.choices[0].message.parsed == City(name="Oslo", inhabitants=700000)
    with client.chat.completions.stream(
        model=MODEL, messages=user(script), response_format=City
    ) as stream:
        parsed = stream.get_final_completion().choices[0].message.parsed
    assert parsed == City(name="Oslo", inhabitants=700000)


def test_every_option_is_taken(client: OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                {"type": "text", "text": "What is this?"},
            ],
        },
        {"role": "user", "content": say({"text": "A dot."})},
    ]
    answer = client.chat.completions.create(
        model=MODEL,
        messages=messages,
        tools=[LOOK],
        tool_choice={"type": "function", "function": {"name": "look"}},
        parallel_tool_calls=False,
        max_completion_tokens=100,
        temperature=0.5,
        top_p=0.9,
        reasoning_effort="low",
        verbosity="low",
        n=1,
        stop=None,
        store=False,
        user="somebody",
        metadata={"a": "b"},
        prompt_cache_key="key",
        service_tier="auto",
        response_format={"type": "json_object"},
    )
    assert answer.choices[0].message.content == "A dot."


def test_the_bound_on_an_answer_is_told(client: OpenAI) -> None:
    script = say({"text": "Half an ans", "finish": "length"})
    answer = client.chat.completions.create(model=MODEL, messages=user(script), max_tokens=3)
    assert answer.choices[0].finish_reason == "length"
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model=MODEL, messages=user(script), response_format=City)


@pytest.mark.parametrize(
    "options, code, param",
    [
        ({"n": 2}, "unsupported", "n"),
        ({"seed": 1}, "unsupported", "seed"),
        ({"stop": ["\n"]}, "unsupported", "stop"),
        ({"logprobs": True}, "unsupported", "logprobs"),
        ({"model": "agent:helper"}, "unsupported", "model"),
        ({"temperature": 3}, "invalid_parameter", "temperature"),
        ({"extra_body": {"colour": "red"}}, "unknown_parameter", "colour"),
        ({"messages": []}, "invalid_parameter", "messages"),
        ({"messages": [{"role": "user", "content": "Hi", "name": "Ann"}]}, "unsupported", "messages[0].name"),
    ],
)
def test_what_is_refused(client: OpenAI, options: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**{"model": MODEL, "messages": user("Hi"), **options})
    assert refused.value.code == code
    assert refused.value.param == param


def test_a_client_that_leaves_ends_the_call(shared_server: Server, world: World) -> None:
    """The model would write for minutes; it is not asked again, and the next request is served."""

    async def leave() -> None:
        async with AsyncOpenAI(base_url=shared_server.url, api_key=shared_server.key) as client:
            script = say({"text": "word " * 1000, "pieces": 1000, "piece_delay_ms": 100})
            stream = await client.chat.completions.create(
                model=MODEL, messages=user(script), stream=True
            )
            async for chunk in stream:
                if chunk.choices[0].delta.content:
                    break
            await stream.close()

    before = world.stats()["finished"]
    asyncio.run(leave())
    with shared_server.client() as client:
        done = client.chat.completions.create(model=MODEL, messages=user(say({"text": "ok"})))
    assert done.choices[0].message.content == "ok"
    assert world.stats()["finished"] == before + 1
