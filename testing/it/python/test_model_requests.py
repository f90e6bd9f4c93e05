"""What Mainstay sends to models, and the streams its tests play, against the vendors' own types.

The requests under `crates/adapters/testdata/requests` are written by the adapters' tests from what
really went over a connection. The cassettes under `crates/adapters/testdata/cassettes` are made by
hand; those that stand for a healthy vendor must be events that the vendor's SDK can read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from anthropic.types import RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsStreaming
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.responses import ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from pydantic import TypeAdapter

TESTDATA = Path(__file__).resolve().parents[3] / "crates/adapters/testdata"

PARAMS = {
    "chat": TypeAdapter(CompletionCreateParamsStreaming),
    "responses": TypeAdapter(ResponseCreateParamsStreaming),
    "messages": TypeAdapter(MessageCreateParamsStreaming),
}

EVENTS = {
    "openai_chat": TypeAdapter(ChatCompletionChunk),
    "openai_responses": TypeAdapter(ResponseStreamEvent),
    "anthropic": TypeAdapter(RawMessageStreamEvent),
}

# Cassettes of what only broken or merely compatible servers send.
FOREIGN = {
    "openai_chat/azure_prompt_filter",
    "openai_chat/context_too_long_mid_stream",
    "openai_chat/error_mid_stream",
    "openai_chat/garbage",
    "openai_chat/parts_content",
    "openai_chat/truncated",
    "openai_chat/whole_calls_no_ids",
    "openai_responses/garbage",
    "openai_responses/garbage_delta",
    "openai_responses/truncated",
    "anthropic/garbage",
    "anthropic/truncated",
    "anthropic/unknown_event_and_block",
}

# Events that Anthropic's SDK handles before its types see them.
UNTYPED = {"ping", "error"}


def requests() -> list[Path]:
    return sorted((TESTDATA / "requests").glob("*.snap"))


def cassettes() -> list[Path]:
    found = sorted((TESTDATA / "cassettes").glob("*/*.sse"))
    return [path for path in found if f"{path.parent.name}/{path.stem}" not in FOREIGN]


def snapshot(path: Path) -> Any:
    """The JSON of a snapshot file, which follows a header between two lines of dashes."""
    return json.loads(path.read_text().split("---\n", 2)[2])


def read_out(value: Any) -> Any:
    """The value with its lazily checked parts checked."""
    if isinstance(value, Mapping):
        return {key: read_out(part) for key, part in value.items()}
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple, Iterator)):
        return [read_out(part) for part in value]
    return value


def data_of(stream: bytes) -> Iterator[str]:
    for line in stream.decode().splitlines():
        if line.startswith("data: ") and line != "data: [DONE]":
            yield line.removeprefix("data: ")


@pytest.mark.parametrize("path", requests(), ids=lambda path: path.stem)
def test_a_request_is_one_the_sdk_could_send(path: Path) -> None:
    body = snapshot(path)
    params = PARAMS[path.stem.split("_")[0].split(".")[0]]
    # What the types do not know they drop, so that an unknown member shows as a difference.
    assert read_out(params.validate_python(body)) == body


@pytest.mark.parametrize("path", cassettes(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_cassette_is_one_the_sdk_can_read(path: Path) -> None:
    events = EVENTS[path.parent.name]
    for data in data_of(path.read_bytes()):
        if json.loads(data).get("type") not in UNTYPED or path.parent.name != "anthropic":
            events.validate_json(data)


def test_there_is_something_to_test() -> None:
    assert len(requests()) >= 20
    assert len(cassettes()) >= 30
    known = {f"{path.parent.name}/{path.stem}" for path in (TESTDATA / "cassettes").glob("*/*.sse")}
    assert FOREIGN <= known
