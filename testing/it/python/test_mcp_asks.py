"""MCP servers that want consent, and that ask people in the middle of a call: the turn waits, over a
kill -9 too, and goes on with the answer."""

from __future__ import annotations

import http.client
import threading
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import urlsplit

import pytest

from openai import BadRequestError, OpenAI

from asking import Eliciting, Guarded
from conftest import Server, World, call, say


FROM_START = {"starting_after": 0}


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    guarded = Guarded()
    yield guarded
    guarded.close()


@pytest.fixture
def eliciting() -> Iterator[Eliciting]:
    eliciting = Eliciting()
    yield eliciting
    eliciting.close()


def get(url: str) -> tuple[int, str, str]:
    """What a browser gets that follows nothing: status, where it is sent, the page."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    page = answer.read().decode()
    connection.close()
    return answer.status, answer.getheader("location", ""), page


def consent(url: str) -> tuple[int, str, str]:
    status, location, _ = get(url)
    assert status == 302, status
    return get(location)


def agent(url: str, **more: Any) -> dict[str, Any]:
    tool = {"type": "mcp", "server_label": "bank",
            "transport": {"type": "http", "server_url": url}, **more}
    return {"model": "scripted", "tools": [tool]}


def ask(
    client: OpenAI, url: str, tool: str, safety: str = "once", **options: Any
) -> str:
    """A session whose turn waits for a person."""
    session = client.beta.agents.sessions.create(
        environment={"type": "none"}, agent=agent(url, safety={tool: safety}), **options
    )
    script = say({"calls": [call(tool)]}, {"text": "Told."})
    with client.beta.agents.sessions.stream(session.id, input=script) as stream:
        for event in stream:
            if event.type == "agent.session.requires_action":
                break
    return session.id


def waiting(client: OpenAI, session: str) -> dict[str, Any]:
    """The one thing that a session waits for."""
    shown = client.beta.agents.sessions.retrieve(session)
    assert shown.status == "requires_action", shown
    [action] = shown.to_dict()["required_actions"]
    assert action["type"] == "mcp_approval_request"
    return action


def answer(client: OpenAI, session: str, request: str, decision: str, **more: Any) -> None:
    client.beta.agents.sessions.events.create(session, events=[{
        "type": "agent.session.input.mcp_approval_request_result",
        "request_id": request,
        "response": {"type": "mcp_tool_call", "decision": decision, **more},
    }])


def told(client: OpenAI, session: str, turns: int = 1) -> list[Any]:
    """What the tool gave, once so many turns have ended."""
    with client.beta.agents.sessions.events.stream(session, extra_query=FROM_START) as events:
        for event in events:
            turns -= event.type == "agent.session.idle"
            if turns == 0:
                break
    items = client.beta.agents.sessions.items.list(session)
    return [item.output or item.error for item in items if item.type == "mcp_call"]


def test_consent_is_given_over_a_kill_and_the_turn_goes_on(
    tmp_path: Path, world: World, guarded: Guarded
) -> None:
    server = Server(tmp_path, world, hosts=[guarded.host], log="trace")
    try:
        with server.client() as client:
            session = ask(client, guarded.url, "balance")
        server.restart()
        with server.client() as client:
            request = waiting(client, session)["request"]
            assert (request["kind"], request["server_label"]) == ("consent", "bank")
            assert request["url"] in request["message"]
            status, location, _ = get(request["url"])
            assert location.startswith(server.url + "/oauth/callback?"), location
            forged = location.replace("state=", "state=x")
            assert get(forged)[0] == 404
            server.restart()
            status, _, page = get(location)
            assert (status, "You can close this window" in page) == (200, True), page
            assert told(client, session) == ["42 EUR"]
            assert get(location)[0] == 404, "an address is good once"
            # The next turn has what was granted; nobody is asked again.
            script = say({"calls": [call("balance")]}, {"text": "Told."})
            with client.beta.agents.sessions.stream(session, input=script) as stream:
                assert stream.get_final_result().output_text == "Told."
            client.beta.agents.sessions.delete(session)
    finally:
        server.kill()
    [secret] = guarded.valid
    searched = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in searched if secret.encode() in path.read_bytes()] == []


def test_consent_that_is_declined_is_told_to_the_model(
    tmp_path: Path, world: World, guarded: Guarded
) -> None:
    server = Server(tmp_path, world, hosts=[guarded.host])
    try:
        with server.client() as client:
            session = ask(client, guarded.url, "balance")
            answer(client, session, waiting(client, session)["request_id"], "deny")
            # The tools of a server that is not required are left out, and the call is refused.
            assert told(client, session) == []
            items = list(client.beta.agents.sessions.items.list(session, order="desc"))
            assert "Told." in items[0].to_json()
    finally:
        server.kill()


def test_an_address_that_failed_is_replaced_by_another(
    tmp_path: Path, world: World, guarded: Guarded
) -> None:
    server = Server(tmp_path, world, hosts=[guarded.host])
    try:
        with server.client() as client:
            vault = client.beta.agents.vaults.create()
            session = ask(client, guarded.url, "balance", vault_ids=[vault.id])
            first = waiting(client, session)
            state = get(first["request"]["url"])[1]
            status, _, page = get(state.split("?")[0] + "?error=access_denied&error_description="
                                  + "%3Cb%3Eno&state=" + state.split("state=")[1].split("&")[0])
            assert (status, "&lt;b&gt;no" in page, "<b>" in page) == (400, True, False), page
            answer(client, session, first["request_id"], "approve")
            with client.beta.agents.sessions.events.stream(session, extra_query=FROM_START) as events:
                for event in events:
                    actions = getattr(event, "session", None)
                    shown = actions.to_dict().get("required_actions") if actions else None
                    if shown and shown[0]["request_id"] != first["request_id"]:
                        break
            second = waiting(client, session)
            assert second["request"]["url"] != first["request"]["url"]
            assert consent(second["request"]["url"])[0] == 200
            assert told(client, session) == ["42 EUR"]
            [credential] = client.beta.agents.vaults.credentials.list(vault.id)
            assert credential.auth.type == "mcp_oauth"
    finally:
        server.kill()


def test_a_refresh_that_was_cut_short_is_told_and_consented_to_again(
    tmp_path: Path, world: World, guarded: Guarded
) -> None:
    server = Server(tmp_path, world, hosts=[guarded.host])
    script = say({"calls": [call("balance")]}, {"text": "Told."})
    try:
        with server.client() as client:
            guarded.expires_in = 30  # less than the margin: it is refreshed before the next use
            session = ask(client, guarded.url, "balance", safety="read_only")
            assert consent(waiting(client, session)["request"]["url"])[0] == 200
            assert told(client, session) == ["42 EUR"]
            hold = guarded.hold = threading.Event()
            client.beta.agents.sessions.events.create(session, events=[{
                "type": "agent.session.input.message",
                "input": [{"role": "user", "content": [{"type": "input_text", "text": script}]}],
            }])
            assert guarded.held.wait(20), "the token was not refreshed"
            server.kill()
            hold.set()
            guarded.hold = None
        server.start()
        with server.client() as client:
            with client.beta.agents.sessions.events.stream(session, extra_query=FROM_START) as events:
                turns = 0
                for event in events:
                    turns += event.type == "agent.session.requires_action"
                    if turns == 2:
                        break
            request = waiting(client, session)["request"]
            assert "stopped while its tokens were renewed" in request["message"], request
            guarded.expires_in = 3600
            assert consent(request["url"])[0] == 200
            assert told(client, session, turns=2) == ["42 EUR", "42 EUR"]
    finally:
        server.kill()


ANSWERED = {"action": "accept", "content": {"amount": 7, "currency": "EUR"}}


def test_a_form_is_answered_while_the_server_waits(
    tmp_path: Path, world: World, eliciting: Eliciting
) -> None:
    server = Server(tmp_path, world, hosts=[eliciting.host])
    try:
        with server.client() as client:
            sessions = [ask(client, eliciting.url, "pay") for _ in range(3)]
            for session in reversed(sessions):
                answer(client, session, waiting(client, session)["request_id"], "approve", content={"amount": 7})
                told(client, session)
    finally:
        server.kill()
    assert eliciting.seen == [ANSWERED] * 3
    assert len(eliciting.keys) == len(set(eliciting.keys)) == 3, "each call was made once"


@pytest.mark.parametrize("safety", ["once", "idempotent"])
def test_a_form_is_answered_over_a_kill(
    tmp_path: Path, world: World, eliciting: Eliciting, safety: str
) -> None:
    server = Server(tmp_path, world, hosts=[eliciting.host])
    try:
        with server.client() as client:
            session = ask(client, eliciting.url, "pay", safety)
        server.restart()
        with server.client() as client:
            action = waiting(client, session)
            request = action["request"]
            assert (request["kind"], request["message"]) == ("form", "How much?")
            assert request["name"] == "pay" and "amount" in request["requested_schema"]["properties"]
            for content in [{"amount": 0}, {"amount": "many"}, {}]:
                with pytest.raises(BadRequestError) as refused:
                    answer(client, session, action["request_id"], "approve", content=content)
                assert "does not fit the form" in refused.value.message
            with client.beta.agents.sessions.events.stream(session) as events:
                answer(client, session, action["request_id"], "approve", content={"amount": 7})
                if safety == "once":
                    # It may have acted before it asked: a person says what is to be done.
                    next(event for event in events if event.type == "agent.session.requires_action")
                    action = waiting(client, session)
                    assert action["request"]["kind"] == "unknown_outcome"
                    assert len(eliciting.keys) == 1
                    retry: Any = {
                        "type": "agent.session.input.approval_result",
                        "request_id": action["request_id"], "decision": "retry",
                    }
                    client.beta.agents.sessions.events.create(session, events=[retry])
            [output] = told(client, session)
    finally:
        server.kill()
    assert eliciting.seen == [ANSWERED], (eliciting.seen, output)
    assert len(eliciting.keys) == 2 and len(set(eliciting.keys)) == 1, "every attempt is the same call"


@pytest.mark.parametrize("decision, action", [("deny", "decline"), ("cancel", "cancel")])
def test_a_form_is_declined_or_dismissed(
    tmp_path: Path, world: World, eliciting: Eliciting, decision: str, action: str
) -> None:
    server = Server(tmp_path, world, hosts=[eliciting.host])
    try:
        with server.client() as client:
            session = ask(client, eliciting.url, "pay")
            answer(client, session, waiting(client, session)["request_id"], decision)
            told(client, session)
    finally:
        server.kill()
    assert eliciting.seen == [{"action": action}]
    assert len(eliciting.keys) == 1


def test_a_response_asks_and_goes_on(
    tmp_path: Path, world: World, guarded: Guarded, eliciting: Eliciting
) -> None:
    server = Server(tmp_path, world, hosts=[guarded.host, eliciting.host])
    try:
        with server.client() as client:
            tool = {"type": "mcp", "server_label": "bank", "require_approval": "never"}
            asked = client.responses.create(
                model="scripted", tools=[{**tool, "server_url": guarded.url}],
                input=say({"calls": [call("balance")]}, {"text": "Told."}),
            )
            [item] = asked.output
            assert item.type == "mcp_approval_request"
            assert consent(item.to_dict()["url"])[0] == 200
            done = client.responses.create(
                model="scripted", tools=[{**tool, "server_url": guarded.url}],
                previous_response_id=asked.id,
                input=[{"type": "mcp_approval_response", "approval_request_id": item.id,
                        "approve": True}],
            )
            assert done.output_text == "Told."
            # What the server offers is shown where it was asked, and may be sent back.
            [listed] = [item for item in done.output if item.type == "mcp_list_tools"]
            assert [tool.name for tool in listed.tools] == ["balance"]
            again = client.responses.create(
                model="scripted", input=[listed.to_dict(), {"role": "user", "content": say({"text": "Ok."})}]
            )
            assert again.output_text == "Ok."
            asked = client.responses.create(
                model="scripted", tools=[{**tool, "server_url": eliciting.url}],
                input=say({"calls": [call("pay")]}, {"text": "Paid."}),
            )
            item = asked.output[-1]
            assert item.type == "mcp_approval_request" and item.to_dict()["kind"] == "form"
            answers: Any = [{"type": "mcp_approval_response", "approval_request_id": item.id,
                             "approve": True, "content": {"amount": 3}}]
            done = client.responses.create(
                model="scripted", tools=[{**tool, "server_url": eliciting.url}],
                previous_response_id=asked.id, input=answers,
            )
            assert done.output_text == "Paid."
            assert [item.status for item in done.output if item.type == "mcp_call"] == ["completed"]
    finally:
        server.kill()
