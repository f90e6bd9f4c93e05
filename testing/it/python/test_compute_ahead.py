"""Machines that were started before anyone asked for them, and memory images of checkpoints."""

from __future__ import annotations

import json
import os
import signal

import pytest

from conftest import Server
from test_compute import TIERS, kill_machines, machine_processes, new_machine, outputs, python, shell, turn, until

from openai import OpenAI


def ahead(server: Server) -> list[str]:
    """The folders of machines that were started ahead, in use or not."""
    folder = server.folder / "data/machines/.warm"
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def is_of_one(server: Server, session: str) -> bool:
    record = json.loads((server.folder / "data/machines" / session / "machine.json").read_text())
    return record.get("warm") in ahead(server)


def session_of_one(server: Server, client: OpenAI, tier: str) -> str:
    """A session whose machine waited for it; the first do not find one."""
    drawn = python("import random, os; print(random.random(), os.urandom(4).hex())")

    def found() -> str | None:
        session = new_machine(client, tier)
        turn(client, session, shell("echo kept > file; hostname"), drawn)
        if is_of_one(server, session):
            return session
        client.beta.agents.sessions.delete(session)
        return None

    return until("a session to find a machine that waits", found)


@pytest.mark.parametrize("tier", TIERS)
def test_sessions_get_machines_that_wait(server: Server, tier: str) -> None:
    server.more = {"MAINSTAY_COMPUTE__WARM_MACHINES": "1"}
    server.restart()
    with server.client() as client:
        sessions = [session_of_one(server, client, tier) for _ in range(2)]
        drawn = [outputs(client, session)[-1].split() for session in sessions]
        assert drawn[0][0] != drawn[1][0] and drawn[0][1] != drawn[1][1], "copies drew the same"
        seen = turn(client, sessions[0], shell("cat file; ls /workspace"))
        assert seen == ["kept\nfile\n"]
    # Killed, so that the one that waits is nobody's; those of sessions go on.
    server.more = {}
    server.restart()
    assert len(ahead(server)) == len(sessions)
    with server.client() as client:
        assert turn(client, sessions[1], shell("cat file"))[-1] == "kept\n"
        for session in sessions:
            client.beta.agents.sessions.delete(session)
    until("the machines to go", lambda: not ahead(server) and not server.machines())
    assert not machine_processes(server)


@pytest.mark.parametrize("tier", TIERS)
def test_a_server_that_stops_takes_those_that_wait_along(server: Server, tier: str) -> None:
    server.more = {"MAINSTAY_COMPUTE__WARM_MACHINES": "1"}
    server.restart()
    with server.client() as client:
        session = new_machine(client, tier)
        turn(client, session, shell("true"))
        client.beta.agents.sessions.delete(session)
    until("one to wait", lambda: ahead(server))
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=60) == 0
    assert (ahead(server), machine_processes(server)) == ([], [])
    server.start()


def test_a_lost_microvm_goes_on_from_its_memory_image(server: Server) -> None:
    server.more = {"MAINSTAY_COMPUTE__MEMORY_IMAGES": "1"}
    server.restart()
    with server.client() as client:
        session = new_machine(client, "microvm")
        turn(client, session, shell("echo kept > file; (sleep 600 & echo $! > pid)"), python("x = 41"))
        kill_machines(server)
        said = turn(client, session, python("x + 1"), shell("cat file; kill -0 $(cat pid) && echo runs"))
        assert said[0].startswith("[The machine was lost and goes on from its last checkpoint")
        assert said[0].endswith("\n42")
        assert said[1] == "kept\nruns\n"
        client.beta.agents.sessions.delete(session)
    images = server.folder / "data/machines/.images"
    until("the machine's folder and image to go", lambda: not server.machines() and not list(images.iterdir()))
