"""What becomes of a session's machine, on the session's feed, with the official SDK."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from openai import OpenAI

from conftest import Server, say
from test_compute import kill_machines, new_machine, rest, shell, turn
from test_executor import Site
from test_restart import send

ABOUT = "agent.session.environment."


def events_until(client: OpenAI, session: str, is_last: Callable[[Any], bool], after: int = 0) -> list[Any]:
    """The events behind a place, up to the one that is wanted."""
    found = []
    with client.beta.agents.sessions.events.stream(session, extra_query={"starting_after": after}) as events:
        for event in events:
            found.append(event)
            if is_last(event):
                return found
    raise AssertionError(f"the stream of {session} ended")


def history(client: OpenAI, session: str) -> list[Any]:
    """The events of a session that rests."""
    turns = len(list(client.beta.agents.sessions.turns.list(session)))
    left = iter(range(turns - 1, -1, -1))
    return events_until(client, session, lambda event: event.type == "agent.session.idle" and next(left) == 0)


def told(events: list[Any]) -> list[Any]:
    return [event for event in events if event.type.startswith(ABOUT)]


def kinds(events: list[Any]) -> list[str]:
    return [event.type.removeprefix(ABOUT) for event in events]


def test_a_machine_of_this_server(server: Server) -> None:
    with server.client(_strict_response_validation=True) as client:
        session = new_machine(server.client(), "process")
        turn(client, session, shell("echo kept > kept"), shell("true"))
        ready, connected = told(history(client, session))
        assert (ready.type, ready.environment.status, ready.turn_id) == (ABOUT + "ready", "ready", None)
        assert (connected.environment.status, connected.environment.type) == ("connected", "openai_hosted")
        assert connected.turn_id == client.beta.agents.sessions.turns.list(session).data[0].id
        # The machine dies, and then the server in the middle of the call that finds out.
        kill_machines(server)
        slow = "echo begun; until [ -e go ]; do sleep 0.05; done; cat kept"
        with client.beta.agents.sessions.events.stream(session) as events:
            send(client, session, say({"calls": [shell(slow)]}, {"text": "Done."}))
            next(event for event in events if event.type.endswith("output.delta"))
        server.kill()
    server.start()
    with server.client(_strict_response_validation=True) as client:
        files = client.beta.agents.environments.files
        files.create(ready.environment.id, type="inline", path="/workspace/go", data="")
        rest(client, session)
        kill_machines(server)
        turn(client, session, shell("cat kept"))
        seen = history(client, session)
        assert kinds(told(seen))[:2] == ["ready", "connected"]
        assert kinds(told(seen))[-2:] == ["reset", "connected"]
        resets = [event.reset_count for event in seen if event.type == ABOUT + "reset"]
        assert resets == list(range(1, len(resets) + 1))
    # Behind any event, and after a restart, the rest is told under the same ids.
    server.restart()
    with server.client() as client:
        for at, event in enumerate(seen[:-1]):
            left = told(seen[at + 1 :])
            behind = events_until(client, session, lambda e: e.event_id == seen[-1].event_id, event.sequence_number)
            again = [e.event_id for e in told(behind)]
            assert again == [e.event_id for e in left if e.sequence_number > event.sequence_number], event


def test_a_machine_of_the_clients(tmp_path: Path, server: Server) -> None:
    site = Site(tmp_path, server)
    try:
        session = site.session.id
        pending = events_until(site.client, session, lambda event: event.type.startswith(ABOUT))[-1]
        assert (pending.type, pending.environment.type) == (ABOUT + "pending", "self_hosted")
        site.executor.start()
        arrived = events_until(site.client, session, lambda event: event.type == ABOUT + "connected")
        assert kinds(told(arrived)) == ["pending", "connected"] and arrived[-1].turn_id is None
        assert site.run(shell("echo hi")) == ["hi\n"]
        # Another connection of an executor that is there is no news.
        site.client.close()
        server.restart()
        site.client = server.client()
        site.connected()
        assert site.run(shell("echo ho")) == ["ho\n"]
        assert kinds(told(history(site.client, session))) == ["pending", "connected"]
    finally:
        site.executor.kill()
        site.client.close()


def test_a_machine_that_never_starts(server: Server) -> None:
    """A file is where its folder is to be, so that it does not come up."""
    with server.client(_strict_response_validation=True) as client:
        session = new_machine(server.client(), "process")
        folder = server.folder / "data/machines" / session
        folder.write_text("in the way")
        (output,) = turn(client, session, shell("echo hi"))
        assert output.startswith("the tool failed: the sandbox did not come up"), output
        ready, failed = told(history(client, session))
        assert (ready.environment.status, failed.environment.status) == ("ready", "failed")
        assert failed.environment.error.message
        assert failed.turn_id == client.beta.agents.sessions.turns.list(session).data[0].id
        # Once it can be had, that is told too.
        folder.unlink()
        assert turn(client, session, shell("echo hi")) == ["hi\n"]
        assert kinds(told(history(client, session))) == ["ready", "failed", "connected"]
