"""Sessions that begin as copies of others, with their machines, in both tiers."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from openai import OpenAI, OpenAIError

from conftest import Server
from test_compute import TIERS, machine_processes, new_machine, python, shell, turn, until


def folders(server: Server) -> set[str]:
    return {folder.name for folder in server.machines()}


def fork(client: OpenAI, session: str, **body: Any) -> str:
    copy: Any = client.post(f"/agents/sessions/{session}/fork", body=body, cast_to=object)
    return copy["id"]


@pytest.mark.parametrize("tier", TIERS)
def test_a_fork_at_the_end_has_the_machine_as_it_is(server: Server, tier: str) -> None:
    with server.client() as client:
        session = new_machine(client, tier)
        turn(client, session, shell("echo first > file; (sleep 600 & echo $! > pid)"), python("x = 41"))
        ended = list(client.beta.agents.sessions.turns.list(session, limit=1))[0].id
        turn(client, session, shell("echo second > file; echo outside > /tmp/outside"))
        copy = fork(client, session)
        look = shell("cat file /tmp/outside; kill -0 $(cat pid) && echo runs; true")
        (seen,) = turn(client, copy, look)
        if tier == "microvm":
            assert seen == "second\noutside\nruns\n"
            assert turn(client, copy, python("x + 1")) == ["42"]
        else:
            assert seen.startswith("[The machine was made again") and "files are all there" in seen, seen
            assert "processes and variables are gone" in seen and "\nsecond\n" in seen and "runs" not in seen
        # Each goes its own way.
        turn(client, copy, shell("echo copy > file; kill $(cat pid); true"))
        assert turn(client, session, look, python("x + 1")) == ["second\noutside\nruns\n", "42"]
        # An earlier turn has the files of its end.
        earlier = fork(client, session, turn_id=ended)
        (seen,) = turn(client, earlier, shell("cat file; ls /tmp/outside 2>&1; true"))
        assert seen.startswith("[The machine was made again") and "\nfirst\n" in seen, seen
    server.restart()
    with server.client() as client:
        assert turn(client, copy, shell("cat file"))[-1].endswith("copy\n")
        for one in (session, copy, earlier):
            client.beta.agents.sessions.delete(one)
    until("the machines' folders to go", lambda: not server.machines())
    until("the machines to end", lambda: not machine_processes(server))


@pytest.mark.parametrize("tier", TIERS)
def test_a_server_that_is_killed_while_a_machine_is_copied(server: Server, tier: str) -> None:
    """Killed at many places of it: the original goes on, each copy that there is works, nothing else runs."""
    with server.client() as client:
        session = new_machine(client, tier)
        turn(client, session, shell("echo kept > file"), python("x = 41"))
    for pause_ms in (0, 15, 30, 60, 90, 130, 180):

        def ask() -> None:
            try:
                with server.client(max_retries=0) as client:
                    fork(client, session)
            except OpenAIError:
                pass

        asking = threading.Thread(target=ask)
        asking.start()
        asking.join(pause_ms / 1000)
        server.restart()
        asking.join()
        with server.client() as client:
            assert turn(client, session, python("x + 1"), shell("cat file")) == ["42", "kept\n"], pause_ms
            others = [one.id for one in client.beta.agents.sessions.list() if one.id != session]
            until("what nobody has to go", lambda: folders(server) <= {session, *others})
            for other in others:
                (seen,) = turn(client, other, shell("cat file"))
                assert seen.endswith("kept\n"), seen
                client.beta.agents.sessions.delete(other)
            until("the copies' folders to go", lambda: folders(server) == {session})
    with server.client() as client:
        client.beta.agents.sessions.delete(session)
    until("the machines' folders to go", lambda: not server.machines())
    until("the machines to end", lambda: not machine_processes(server))
