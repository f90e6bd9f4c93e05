"""The `openai-agents` package, unmodified, with Responses and Conversations of this server."""

from __future__ import annotations

import asyncio
from typing import Any

from agents import (
    Agent,
    OpenAIConversationsSession,
    OpenAIResponsesModel,
    RunConfig,
    Runner,
    function_tool,
)
from openai import AsyncOpenAI
from pydantic import BaseModel

from conftest import Server, call, say

QUIET = RunConfig(tracing_disabled=True)


def run(server: Server, story: Any) -> Any:
    """What a story with a client of its own comes to."""

    async def whole() -> Any:
        async with AsyncOpenAI(base_url=server.url, api_key=server.key) as client:
            return await story(client, OpenAIResponsesModel("scripted", client))

    return asyncio.run(whole())


@function_tool
def lookup(id: int) -> str:
    """Looks a name up."""
    return {1: "Ada", 2: "Grace"}[id]


def test_a_function_tool_is_run(shared_server: Server) -> None:
    async def story(client: AsyncOpenAI, model: OpenAIResponsesModel) -> None:
        clerk = Agent(name="Clerk", instructions="Be exact.", model=model, tools=[lookup])
        asked = say({"calls": [call("lookup", id=1), call("lookup", id=2)]}, {"text": "Ada and Grace."})
        result = await Runner.run(clerk, asked, run_config=QUIET)
        assert result.final_output == "Ada and Grace."
        outputs = [item.output for item in result.new_items if item.type == "tool_call_output_item"]
        assert sorted(outputs) == ["Ada", "Grace"]
        assert result.context_wrapper.usage.requests == 2
        assert result.context_wrapper.usage.total_tokens > 0

    run(shared_server, story)


def test_a_handoff_changes_the_agent(shared_server: Server) -> None:
    async def story(client: AsyncOpenAI, model: OpenAIResponsesModel) -> None:
        refunds = Agent(name="Refunds", instructions="Refund.", model=model)
        desk = Agent(name="Desk", instructions="Send people on.", model=model, handoffs=[refunds])
        asked = say({"calls": [call("transfer_to_refunds")]}, {"text": "Your money is on its way."})
        result = await Runner.run(desk, asked, run_config=QUIET)
        assert result.last_agent is refunds
        assert result.final_output == "Your money is on its way."

    run(shared_server, story)


def test_a_run_is_streamed(shared_server: Server) -> None:
    async def story(client: AsyncOpenAI, model: OpenAIResponsesModel) -> None:
        clerk = Agent(name="Clerk", model=model, tools=[lookup])
        asked = say({"calls": [call("lookup", id=1)]}, {"text": "Her name is Ada.", "pieces": 4})
        streamed = Runner.run_streamed(clerk, asked, run_config=QUIET)
        pieces, items = [], []
        async for event in streamed.stream_events():
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                pieces.append(event.data.delta)
            if event.type == "run_item_stream_event":
                items.append(event.name)
        assert "".join(pieces) == streamed.final_output == "Her name is Ada."
        assert len(pieces) > 1
        assert items == ["tool_called", "tool_output", "message_output_created"]

    run(shared_server, story)


class Invoice(BaseModel):
    number: int
    paid: bool


def test_an_answer_has_its_type(shared_server: Server) -> None:
    async def story(client: AsyncOpenAI, model: OpenAIResponsesModel) -> None:
        clerk = Agent(name="Clerk", model=model, output_type=Invoice)
        result = await Runner.run(clerk, say({"text": '{"number":7,"paid":true}'}), run_config=QUIET)
        assert result.final_output == Invoice(number=7, paid=True)

    run(shared_server, story)


def test_a_session_is_a_conversation_here(server: Server) -> None:
    async def story(client: AsyncOpenAI, model: OpenAIResponsesModel) -> None:
        clerk = Agent(name="Clerk", model=model, tools=[lookup])
        session = OpenAIConversationsSession(openai_client=client)
        first = say({"calls": [call("lookup", id=2)]}, {"text": "Grace."})
        assert (await Runner.run(clerk, first, session=session, run_config=QUIET)).final_output == "Grace."
        server.restart()
        kept = await session.get_items()
        types = [item.get("type") for item in kept]
        assert types == ["message", "function_call", "function_call_output", "message"]
        second = await Runner.run(clerk, say({"text": "Again."}), session=session, run_config=QUIET)
        assert second.final_output == "Again."
        assert len(await session.get_items()) == 6
        assert [item.get("type") for item in await session.get_items(limit=2)] == ["message", "message"]
        last = await session.pop_item()
        assert last is not None and last.get("role") == "assistant"
        assert len(await session.get_items()) == 5
        await session.clear_session()

    run(server, story)


def test_a_streamed_handoff_in_a_session_goes_on_after_a_kill(server: Server) -> None:
    async def story(client: AsyncOpenAI, model: OpenAIResponsesModel) -> None:
        refunds = Agent(name="Refunds", model=model, tools=[lookup])
        desk = Agent(name="Desk", model=model, handoffs=[refunds], tools=[lookup])
        session = OpenAIConversationsSession(openai_client=client)
        asked = say(
            {"calls": [call("lookup", id=1)]},
            {"calls": [call("transfer_to_refunds")]},
            {"calls": [call("lookup", id=2)]},
            {"text": "Paid."},
        )
        streamed = Runner.run_streamed(desk, asked, session=session, run_config=QUIET)
        agents = []
        async for event in streamed.stream_events():
            if event.type == "agent_updated_stream_event":
                agents.append(event.new_agent.name)
        assert (agents, streamed.final_output) == (["Desk", "Refunds"], "Paid.")
        kept = await session.get_items()
        pair = ["function_call", "function_call_output"]
        assert [item.get("type") for item in kept] == ["message", *pair * 3, "message"]
        server.restart()
        again = await Runner.run(refunds, say({"text": "Again."}), session=session, run_config=QUIET)
        assert again.final_output == "Again."
        assert (await session.get_items())[: len(kept)] == kept

    run(server, story)


def test_the_server_keeps_the_conversation(shared_server: Server) -> None:
    async def story(client: AsyncOpenAI, model: OpenAIResponsesModel) -> None:
        clerk = Agent(name="Clerk", model=model, tools=[lookup])
        conversation = await client.conversations.create()
        asked = say({"calls": [call("lookup", id=1)]}, {"text": "Ada."})
        result = await Runner.run(clerk, asked, conversation_id=conversation.id, run_config=QUIET)
        assert result.final_output == "Ada."
        items = await client.conversations.items.list(conversation.id, order="asc")
        types = [item.type for item in items.data]
        assert types == ["message", "function_call", "function_call_output", "message"]
        follow = await Runner.run(
            clerk, say({"text": "Done."}), previous_response_id=result.last_response_id, run_config=QUIET
        )
        assert follow.final_output == "Done."

    run(shared_server, story)
