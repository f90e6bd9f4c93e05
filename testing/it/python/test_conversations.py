"""Conversations: items without a turn, responses in them, and what the Agents API sees of them."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai import OpenAI

from conftest import Server, say

USER: Any = {"type": "message", "role": "user", "content": "Hello."}


def test_a_conversation(client: OpenAI) -> None:
    conversation = client.conversations.create(metadata={"topic": "demo"}, items=[USER])
    assert conversation.id.startswith("conv_")
    assert client.conversations.retrieve(conversation.id).metadata == {"topic": "demo"}
    assert client.conversations.update(conversation.id, metadata={"topic": "other"}).metadata == {"topic": "other"}
    deleted = client.conversations.delete(conversation.id)
    assert deleted.deleted
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(conversation.id)


def test_items(client: OpenAI) -> None:
    conversation = client.conversations.create()
    given: list[Any] = [
        {"role": "developer", "content": "Be brief."},
        USER,
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "42"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It is 42.", "annotations": []}]},
    ]
    added = client.conversations.items.create(conversation.id, items=given)
    kinds = ["message", "message", "function_call", "function_call_output", "message"]
    assert [item.type for item in added.data] == kinds
    listed = list(client.conversations.items.list(conversation.id, limit=2, order="asc"))
    assert [item.id for item in listed] == [item.id for item in added.data]
    newest = client.conversations.items.list(conversation.id, limit=1)
    assert newest.data[0].id == listed[-1].id and newest.has_more
    one = client.conversations.items.retrieve(listed[1].id, conversation_id=conversation.id)
    assert one.to_dict() == listed[1].to_dict()
    client.conversations.items.delete(listed[1].id, conversation_id=conversation.id)
    left = [item.id for item in client.conversations.items.list(conversation.id, order="asc")]
    assert left == [item.id for item in listed if item.id != listed[1].id]
    with pytest.raises(openai.NotFoundError):
        client.conversations.items.retrieve(listed[1].id, conversation_id=conversation.id)


def test_responses_in_a_conversation(client: OpenAI) -> None:
    conversation = client.conversations.create(items=[USER])
    for text in ("One.", "Two."):
        response = client.responses.create(
            model="scripted", input=say({"text": text}), conversation=conversation.id
        )
        assert response.output_text == text
        assert response.conversation is not None and response.conversation.id == conversation.id
    items = list(client.conversations.items.list(conversation.id, order="asc"))
    roles = [item.role for item in items if item.type == "message"]
    assert roles == ["user", "user", "assistant", "user", "assistant"]
    # One state: the same session through the Agents API.
    session = client.beta.agents.sessions.retrieve(conversation.id)
    assert session.status == "idle"
    turns = list(client.beta.agents.sessions.turns.list(conversation.id))
    assert [turn.status for turn in turns] == ["completed", "completed"]


def test_one_response_at_a_time(loose_client: OpenAI) -> None:
    client = loose_client.with_options(max_retries=0)
    conversation = client.conversations.create()
    slow = say({"text": "Slow.", "delay_ms": 60_000})
    response = client.responses.create(model="scripted", input=slow, conversation=conversation.id, background=True)
    with pytest.raises(openai.ConflictError) as busy:
        client.responses.create(model="scripted", input="x", conversation=conversation.id)
    assert busy.value.code == "session_busy"
    with pytest.raises(openai.ConflictError):
        client.conversations.items.create(conversation.id, items=[USER])
    client.responses.cancel(response.id)
    client.conversations.items.create(conversation.id, items=[USER])


def test_what_no_model_is_given_is_kept_as_it_came(loose_client: OpenAI) -> None:
    client = loose_client
    shell: Any = {
        "type": "local_shell_call", "id": "lsh_1", "call_id": "call_1", "status": "completed",
        "action": {"type": "exec", "command": ["ls"], "env": {}},
    }
    conversation = client.conversations.create(items=[shell])
    item = next(iter(client.conversations.items.list(conversation.id))).to_dict()
    assert {**shell, "id": item["id"]} == item
    response = client.responses.create(model="scripted", input=say({"text": "Yes."}), conversation=conversation.id)
    assert response.output_text == "Yes."


def test_bad_input(loose_client: OpenAI) -> None:
    client = loose_client
    conversation = client.conversations.create()
    for items in ([], [{"role": "user"}], [{"type": "item_reference", "id": "x"}], [7]):
        with pytest.raises(openai.BadRequestError):
            client.conversations.items.create(conversation.id, items=items)  # type: ignore[arg-type]
    with pytest.raises(openai.BadRequestError, match="after"):
        client.conversations.items.list(conversation.id, after="item_none")
    with pytest.raises(openai.NotFoundError):
        client.conversations.items.create("conv_none", items=[USER])


def test_a_conversation_outlives_the_server(server: Server) -> None:
    with server.client() as client:
        conversation = client.conversations.create(items=[USER])
        before = [item.to_dict() for item in client.conversations.items.list(conversation.id)]
    server.restart()
    with server.client() as client:
        assert [item.to_dict() for item in client.conversations.items.list(conversation.id)] == before
        response = client.responses.create(
            model="scripted", input=say({"text": "Back."}), conversation=conversation.id
        )
        assert response.output_text == "Back."
