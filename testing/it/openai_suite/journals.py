"""Sessions that the suite's things are made of: each is played once, and its ids are changed."""

from __future__ import annotations

from typing import Any
from urllib.request import Request, urlopen

from openai import OpenAI

from bundle import bundle, renamed
from conftest import LOOKUP, Server, call, say
from stand_ins import MACHINE

RESPONSE_ID = "resp_677efb5139a88190b512bc3fef8e535d"


def archives(server: Server) -> dict[str, bytes]:
    """Bundles by what they are for."""
    with server.client() as client:
        return {
            "worked": worked(server, client),
            "waiting": waiting(server, client),
            **tree(server, client),
            "after": idle(server, client, "after"),
            "artifact": artifact(server, client),
            "machine": machine(server, client),
            "response": response(server, client, RESPONSE_ID),
            "resp_123": response(server, client, "resp_123"),
            "response_id": response(server, client, "response_id"),
            "conversation": conversation(server, client),
        }


def journal(server: Server, session: str) -> str:
    headers = {"authorization": f"Bearer {server.key}", "accept": "application/x-ndjson"}
    path = f"{server.url}/agents/sessions/{session}/journal"
    with urlopen(Request(path, headers=headers)) as answer:
        return answer.read().decode()


def packed(server: Server, session: str, names: dict[str, str]) -> bytes:
    return bundle(renamed(journal(server, session), names))


def new_session(client: OpenAI, **agent: Any) -> str:
    sessions = client.beta.agents.sessions
    agent = {"model": "model", **agent}
    return sessions.create(environment={"type": "none"}, extra_body={"agent": agent}).id


def idle(server: Server, client: OpenAI, name: str) -> bytes:
    session = new_session(client)
    return packed(server, session, {session: name})


def worked(server: Server, client: OpenAI) -> bytes:
    """A turn with a call, and a second one."""
    session = new_session(client, tools=[LOOKUP])
    for script in (say({"calls": [call("lookup", id=1)]}, {"text": "Ada."}), say({"text": "Bye."})):
        handlers = {"lookup": lambda arguments: "Ada"}
        stream = client.beta.agents.sessions.stream(session, input=script, tool_handlers=handlers)
        with stream as events:
            events.until_done()
    turns = [turn.id for turn in client.beta.agents.sessions.turns.list(session, order="asc")]
    return packed(server, session, {session: "session_id", turns[0]: "turn_id", turns[1]: "after"})


def artifact(server: Server, client: OpenAI) -> bytes:
    """A session whose turn left a file."""
    session = new_session(client, tools=[{"type": "files"}])
    write = call("write_file", path="artifacts/report.md", content="# Report")
    script = say({"calls": [write]}, {"text": "Written."})
    with client.beta.agents.sessions.stream(session, input=script) as events:
        events.until_done()
    return packed(server, session, {session: "session_id"})


def machine(server: Server, client: OpenAI) -> bytes:
    """A session with an environment; its machine is made where it is brought in, when it is needed."""
    hosted = {"environment": {"type": "openai_hosted", "tier": "process"}, "agent": {"model": "model"}}
    made = client.beta.agents.sessions.create(environment={"type": "none"}, extra_body=hosted).id
    return packed(server, made, {made: MACHINE})


def tree(server: Server, client: OpenAI) -> dict[str, bytes]:
    """A session with two subagents, the first of which had two turns."""
    session = new_session(client, multi_agent={"enabled": True})
    create = call("create_subagent", task=say({"text": "Hello."}))
    more = call("send_subagent_input", subagent_id="{{0.subagent_id}}", message="More.")
    wait = call("wait_for_subagents", subagent_ids=["{{0.subagent_id}}", "{{1.subagent_id}}"])
    steps = [{"calls": [asked]} for asked in (create, create, wait, more, wait)]
    with client.beta.agents.sessions.stream(session, input=say(*steps)) as events:
        events.until_done()
    subagents = client.beta.agents.sessions.subagents
    one, other = [found.id for found in subagents.list(session, order="asc")]
    turns = [turn.id for turn in subagents.turns.list(one, session_id=session, order="asc")]
    names = {session: "session_id", one: "subagent_id", other: "after"}
    of_turns = {turns[0]: "turn_id", turns[1]: "after"}
    return {
        "parent": packed(server, session, names),
        "subagent": packed(server, one, {**names, **of_turns}),
        "subagent_after": packed(server, other, names),
    }


def waiting(server: Server, client: OpenAI) -> bytes:
    """A turn that waits for a person."""
    tool = {
        "type": "openapi",
        "label": "world",
        "spec_url": f"{server.world.url}/openapi.json",
        "allowed_operations": ["act"],
        "approval": "always",
    }
    session = new_session(client, tools=[tool])
    script = say({"calls": [call("act")]}, {"text": "Acted."})
    with client.beta.agents.sessions.stream(session, input=script) as events:
        for event in events:
            if event.type == "agent.session.requires_action":
                request: Any = event.session.required_actions[0]
                return packed(server, session, {session: "session_id", request.request_id: "request_id"})
    raise AssertionError("the session never asked")


def response(server: Server, client: OpenAI, name: str) -> bytes:
    conversation = client.conversations.create().id
    made = client.responses.create(
        model="model", input=say({"text": "Hello."}), conversation=conversation, background=True
    )
    for _ in client.responses.retrieve(made.id, stream=True):
        pass
    return packed(server, conversation, {conversation: f"session_of_{name}", made.id: name})


def conversation(server: Server, client: OpenAI) -> bytes:
    message: Any = {"type": "message", "role": "user", "content": "Hello."}
    made = client.conversations.create(items=[message]).id
    return packed(server, made, {made: "conv_123"})
