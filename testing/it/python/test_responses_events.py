"""Every kind of event that the SDK knows is sent, or named here with the reason why it never is."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any

from openai import OpenAI
from openai.types.responses import ResponseStreamEvent

from conftest import LOOKUP, Server, World, call, say
from listeners import mcp_server

#: What hosted tools and models of sound say, which are refused where they are asked for.
HOSTED = (
    "response.audio.",
    "response.code_interpreter_call",
    "response.custom_tool_call_input.",
    "response.file_search_call.",
    "response.image_generation_call.",
    "response.shell_call_",
    "response.web_search_call.",
)
NEVER = {
    "error": "a stream that breaks ends with response.failed; over a WebSocket it is sent (test_responses_socket)",
    "response.compaction.compacting": "summaries that are made on the way are no items of the response",
    "response.mcp_list_tools.failed": "a list that fails fails the response, or leaves the server's tools out",
    "response.output_text.annotation.added": "nothing that this server runs makes annotations",
    "response.reasoning_text.delta": "summaries of reasoning are shown, not the reasoning",
    "response.reasoning_text.done": "summaries of reasoning are shown, not the reasoning",
    "response.refusal.delta": "a refusal is the text of a message, and the response is incomplete",
    "response.refusal.done": "a refusal is the text of a message, and the response is incomplete",
}


def known() -> set[str]:
    union, *_ = typing.get_args(ResponseStreamEvent)
    kinds = [typing.get_args(event.model_fields["type"].annotation)[0] for event in typing.get_args(union)]
    return {kind for kind in kinds if not kind.startswith(HOSTED)}


def sent(client: OpenAI, *steps: dict[str, Any], **more: Any) -> set[str]:
    stream: Any = client.responses.create(model="scripted", input=say(*steps), stream=True, **more)
    return {event.type for event in stream}


def test_every_kind_of_event_is_sent_or_said_not_to_be(tmp_path: Path, world: World) -> None:
    ledger = mcp_server(lambda: "open-sesame")
    server = Server(tmp_path, world, hosts=[ledger.host])
    mcp: Any = {
        "type": "mcp", "server_label": "ledger", "server_url": ledger.url, "require_approval": "never",
        "authorization": "open-sesame",
    }
    world_tool: Any = {
        "type": "openapi", "label": "world", "spec_url": f"{world.url}/openapi.json",
        "allowed_operations": ["act"],
    }
    try:
        with server.client() as client:
            seen = sent(client, {"reasoning": "Well.", "text": "One, two.", "pieces": 3}, background=True)
            seen |= sent(client, {"calls": [call("lookup", id=1)]}, tools=[LOOKUP])
            seen |= sent(client, {"calls": [call("balance")]}, {"text": "Told."}, tools=[mcp])
            failing = {"calls": [call("act", fail_status=400, fail_times=9)]}
            seen |= sent(client, failing, {"text": "It failed."}, tools=[world_tool])
            seen |= sent(client, {"text": "Half a", "finish": "length"})
            seen |= sent(client, {"fault": {"kind": "status", "status": 400, "code": "invalid_prompt"}})
    finally:
        server.kill()
        ledger.close()
    assert seen | set(NEVER) == known()
    assert seen.isdisjoint(NEVER)
