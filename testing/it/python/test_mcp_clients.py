"""This server as an OAuth client: registered once, used for the consents that follow, and anew when the
authorization server does not know it any more."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import pytest

from openai import OpenAI

from asking import Guarded
from conftest import Server, World, call, say
from test_mcp_asks import FROM_START, answer, ask, consent, get, told, waiting
from test_restart import send


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    guarded = Guarded()
    yield guarded
    guarded.close()


@pytest.fixture
def server(tmp_path: Path, world: World, guarded: Guarded) -> Iterator[Server]:
    """A server that may reach the guarded one."""
    server = Server(tmp_path, world, hosts=[guarded.host])
    yield server
    server.kill()


def consented(client: OpenAI, guarded: Guarded, **options: Any) -> str:
    """The session of a call that a person consented to."""
    session = ask(client, guarded.url, "balance", **options)
    assert consent(waiting(client, session)["request"]["url"])[0] == 200
    assert told(client, session) == ["42 EUR"]
    return session


def asked_again(client: OpenAI, session: str, before: str) -> str:
    """The address of the question that came in place of another."""
    with client.beta.agents.sessions.events.stream(session, extra_query=FROM_START) as events:
        for event in events:
            about = getattr(event, "session", None)
            shown = about.to_dict().get("required_actions") if about else None
            if shown and shown[0]["request_id"] != before:
                return str(shown[0]["request"]["url"])
    raise AssertionError("nobody was asked again")


def waiting_behind(client: OpenAI, session: str, turn: str) -> dict[str, Any]:
    """What a session waits for in a turn behind this one."""
    with client.beta.agents.sessions.events.stream(session, extra_query=FROM_START) as events:
        for event in events:
            if event.type == "agent.session.requires_action":
                shown = event.to_dict()["session"]["required_actions"][0]
                if shown["turn_id"] != turn:
                    return shown
    raise AssertionError("nobody was asked")


def test_a_client_is_registered_once_and_anew_when_it_is_unknown(server: Server, guarded: Guarded) -> None:
    with server.client() as client:
        consented(client, guarded)
        consented(client, guarded)
        assert guarded.registered == ["made-1"]
    # It is kept sealed, over a restart, and under another key.
    server.kill()
    done = server.run("vaults", "rekey")
    assert "0 waiting consents and 1 OAuth clients again" in done, done
    server.start()
    with server.client() as client:
        consented(client, guarded)
        assert guarded.registered == ["made-1"]
        # The authorization server forgets it: that consent fails, and the next registers anew.
        session = ask(client, guarded.url, "balance")
        first = waiting(client, session)
        guarded.clients.clear()
        status, _, page = consent(first["request"]["url"])
        assert status == 400 and "invalid_client" in page, page
        answer(client, session, first["request_id"], "approve")
        assert consent(asked_again(client, session, first["request_id"]))[0] == 200
        assert told(client, session) == ["42 EUR"]
        consented(client, guarded)
        assert guarded.registered == ["made-1", "made-2"]


@pytest.mark.parametrize(
    "refusal", [(401, "invalid_client"), (401, None), (400, "unauthorized_client")], ids=str
)
def test_a_client_that_is_unknown_when_tokens_are_renewed_is_registered_anew(
    server: Server, guarded: Guarded, refusal: tuple[int, str | None]
) -> None:
    guarded.unknown_client = refusal
    guarded.expires_in = 30  # less than the margin: it is refreshed before the next use
    with server.client() as client:
        session = consented(client, guarded, safety="read_only")
        guarded.clients.clear()
        before = next(iter(client.beta.agents.sessions.turns.list(session, order="desc"))).id
        send(client, session, say({"calls": [call("balance")]}, {"text": "Told."}))
        request = waiting_behind(client, session, before)["request"]
        assert "does not know this server as a client" in request["message"], request
        guarded.expires_in = 3600
        assert consent(request["url"])[0] == 200
        assert told(client, session, turns=2) == ["42 EUR", "42 EUR"]
        consented(client, guarded)
        assert guarded.registered == ["made-1", "made-2"]


def test_a_person_who_declines_says_nothing_of_the_client(server: Server, guarded: Guarded) -> None:
    with server.client() as client:
        consented(client, guarded)
        session = ask(client, guarded.url, "balance")
        _, back, _ = get(waiting(client, session)["request"]["url"])
        address, _, query = back.partition("?")
        [state] = [part for part in query.split("&") if part.startswith("state=")]
        assert get(f"{address}?error=access_denied&{state}")[0] == 400
        consented(client, guarded)
        assert guarded.registered == ["made-1"]
