"""Responses over a WebSocket, with the official SDK's own client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openai import BadRequestError, OpenAI

from conftest import Server, World, call, say


def until_end(connection: Any) -> list[Any]:
    """The events of one response."""
    events = []
    for event in connection:
        events.append(event)
        if event.type in ("response.completed", "response.failed", "error"):
            return events
    raise AssertionError(f"the connection ended after {events}")


def test_requests_follow_one_another_over_one_connection(client: OpenAI) -> None:
    with client.responses.connect() as connection:
        connection.response.create(model="scripted", input=say({"text": "One."}))
        first = until_end(connection)
        assert [first[0].type, first[-1].type] == ["response.created", "response.completed"]
        numbers = [event.sequence_number for event in first]
        assert numbers == sorted(set(numbers))
        done = first[-1].response
        assert done.output_text == "One."
        connection.response.create(
            model="scripted", input=say({"text": "Two."}), previous_response_id=done.id
        )
        second = until_end(connection)[-1].response
        assert (second.output_text, second.previous_response_id) == ("Two.", done.id)
    # What was said over the connection is a response like any other.
    assert client.responses.retrieve(second.id).output_text == "Two."
    again = client.responses.create(
        model="scripted", input=say({"text": "Three."}), previous_response_id=second.id
    )
    assert again.output_text == "Three."


def test_lanes_go_side_by_side_and_each_in_order(loose_client: OpenAI) -> None:
    with loose_client.responses.connect() as connection:
        for lane in ("a", "b"):
            for number in (1, 2):
                connection.response.create(
                    model="scripted", input=say({"text": f"{lane}{number}"}), stream_id=lane
                )
        texts: dict[str, list[str]] = {"a": [], "b": []}
        while sum(map(len, texts.values())) < 4:
            event = connection.recv()
            if event.type == "response.completed":
                texts[event.stream_id].append(event.response.output_text)
    assert texts == {"a": ["a1", "a2"], "b": ["b1", "b2"]}


@pytest.mark.parametrize(
    "event, code",
    [
        ({"type": "response.create", "model": "scripted", "background": True}, "unsupported"),
        ({"type": "response.create", "model": "scripted", "bogus": 1}, "unknown_parameter"),
        ({"type": "response.create", "model": "scripted", "generate": False}, "unsupported"),
        ({"type": "hello"}, "invalid_parameter"),
        ({"type": "response.create", "model": "scripted", "stream_id": ""}, "invalid_parameter"),
    ],
)
def test_what_cannot_be_done_is_told_and_the_connection_goes_on(
    loose_client: OpenAI, event: dict[str, Any], code: str
) -> None:
    with loose_client.responses.connect() as connection:
        connection._connection.send(json.dumps(event))
        refused = connection.recv()
        assert refused.type == "error", refused
        assert refused.error.code == code, refused
        connection.response.create(model="scripted", input=say({"text": "Still here."}))
        assert until_end(connection)[-1].response.output_text == "Still here."


@pytest.mark.parametrize(
    "members, code",
    [
        ({"previous_response_id": "resp_x", "input": "Faster."}, "steering_not_supported"),
        ({"input": "Faster."}, "invalid_input"),
    ],
)
def test_steering_is_refused_as_the_api_refuses_it(
    loose_client: OpenAI, members: dict[str, Any], code: str
) -> None:
    with loose_client.responses.connect() as connection:
        connection._connection.send(json.dumps({"type": "response.steer", **members}))
        refused = connection.recv()
        assert refused.type == "response.steer.failed", refused
        assert (refused.error.code, refused.steer.input) == (code, "Faster.")
        connection.response.create(model="scripted", input=say({"text": "Still here."}))
        assert until_end(connection)[-1].response.output_text == "Still here."


def test_a_message_that_is_no_json_is_told(loose_client: OpenAI) -> None:
    with loose_client.responses.connect() as connection:
        connection._connection.send("{")
        assert connection.recv().error.code == "invalid_json"


def test_without_an_upgrade_the_path_says_what_it_is(loose_client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as refused:
        loose_client.get("/responses", cast_to=object)
    assert "upgrade" in refused.value.message


def test_a_response_outlives_its_connection_and_its_server(server: Server, world: World) -> None:
    pause = {"type": "function", "name": "lookup", "parameters": {"type": "object"}}
    with server.client() as client:
        with client.responses.connect() as connection:
            connection.response.create(
                model="scripted", tools=[pause],
                input=say({"calls": [call("lookup")]}, {"text": "Done."}),
            )
            asked = until_end(connection)[-1].response
    server.restart()
    with server.client() as client:
        [item] = asked.output
        with client.responses.connect() as connection:
            connection.response.create(
                model="scripted", tools=[pause], previous_response_id=asked.id,
                input=[{"type": "function_call_output", "call_id": item.call_id, "output": "x"}],
            )
            assert until_end(connection)[-1].response.output_text == "Done."
