"""Sessions with a machine of their own, in both tiers, with the official SDK."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from openai import OpenAI

from conftest import Server, call, say
from test_restart import send

TIERS = ["process", "microvm"]
#: What a machine may take to come up here before a test counts it as failed.
PATIENCE_S = 120.0


def until(what: str, holds: Callable[[], Any]) -> Any:
    """Waits for something that happens outside of this process."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = holds()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE_S} s for {what}")


def new_machine(client: OpenAI, tier: str, **environment: Any) -> str:
    session = client.beta.agents.sessions.create(
        environment={"type": "openai_hosted", **environment},  # type: ignore[typeddict-item]
        agent={"model": "scripted"},
        extra_body={"environment": {"type": "openai_hosted", "tier": tier, **environment}},
    )
    return session.id


def turn(client: OpenAI, session: str, *calls: dict[str, Any]) -> list[str]:
    """The outputs of calls that are made one after the other."""
    steps = [{"calls": [one]} for one in calls]
    before = len(outputs(client, session))
    send(client, session, say(*steps, {"text": "Done."}))
    rest(client, session)
    found = outputs(client, session)[before:]
    assert len(found) == len(calls), found
    return found


def rest(client: OpenAI, session: str) -> None:
    def rests() -> bool:
        found = client.beta.agents.sessions.retrieve(session)
        assert found.status not in ("failed", "requires_action"), found.to_json()
        turns = list(client.beta.agents.sessions.turns.list(session, limit=1))
        return found.status == "idle" and bool(turns) and turns[0].status == "completed"

    until(f"{session} to rest", rests)


def outputs(client: OpenAI, session: str) -> list[str]:
    """What the model read of each call, oldest first."""
    items = client.beta.agents.sessions.items.list(session, order="asc", limit=100)
    found = []
    for item in items:
        kind = item.type
        if kind == "command_execution":
            found.append(item.output or "")
        elif kind in ("mcp_call", "function_call_output"):
            found.append(str(item.output if item.output is not None else getattr(item, "error", None)))
    return found


def shell(command: str, **more: Any) -> dict[str, Any]:
    return call("shell", command=command, **more)


def python(code: str) -> dict[str, Any]:
    return call("run_python", code=code)


@pytest.mark.parametrize("tier", TIERS)
def test_a_session_has_a_machine_that_outlives_the_server(server: Server, tier: str) -> None:
    with server.client() as client:
        session = new_machine(client, tier)
        first = turn(
            client,
            session,
            shell("id -u; pwd; echo kept > kept.txt; (sleep 600 & echo $! > pid)"),
            python("x = 41"),
            call("write_file", path="notes/a.md", content="one\ntwo\n"),
            call("read_file", path="notes/a.md", offset=2),
        )
        assert first[0] == "1000\n/workspace\n"
        assert first[1] == "(no output)"
        assert first[3].startswith("two\n")
        items = client.beta.agents.sessions.items.list(session, order="asc")
        commands = [item for item in items if item.type == "command_execution"]
        assert [(item.exit_code, item.cwd) for item in commands] == [(0, "/workspace")]
    server.restart()
    with server.client() as client:
        again = turn(client, session, python("x + 1"), shell("cat kept.txt notes/a.md; kill -0 $(cat pid) && echo runs"))
        assert again == ["42", "kept\none\ntwo\nruns\n"]
        client.beta.agents.sessions.delete(session)
    until("the machine's folder to go", lambda: not server.machines())


@pytest.mark.parametrize("tier", TIERS)
def test_a_command_under_way_is_run_once_over_a_crash(server: Server, tier: str) -> None:
    with server.client() as client:
        session = new_machine(client, tier)
        turn(client, session, shell("true"))
        slow = "echo begun >> log; until [ -e go ]; do sleep 0.1; done; echo ended >> log; cat log"
        send(client, session, say({"calls": [shell(slow)]}, {"text": "Done."}))
        environment = client.beta.agents.sessions.retrieve(session).environment
        files = client.beta.agents.environments.files

        def has_log() -> bool:
            return any(file.path.endswith("/log") for file in files.list(environment.id))

        until("the command to begin", has_log)
    server.restart()
    with server.client() as client:
        files = client.beta.agents.environments.files
        files.create(environment.id, type="inline", path="/workspace/go", data="")
        rest(client, session)
        assert outputs(client, session)[-1] == "begun\nended\n"


@pytest.mark.parametrize("tier", TIERS)
def test_a_machine_that_died_is_made_again_and_the_agent_is_told(server: Server, tier: str) -> None:
    with server.client() as client:
        session = new_machine(client, tier)
        turn(client, session, shell("echo saved > file"), python("x = 1"))
        for process in machine_processes(server):
            os.kill(process, signal.SIGKILL)
        until("the machine to die", lambda: not machine_processes(server))
        said = turn(client, session, shell("cat file"), python("x"))
        assert said[0].startswith("[The machine was made again from its last checkpoint. Its files are all there;")
        assert said[0].endswith("\nsaved\n")
        assert "NameError" in said[1]


def machine_processes(server: Server) -> list[int]:
    """Processes that were started for a machine of this server, which name its folder, and theirs."""
    folder = str(server.folder / "data" / "machines")
    commands, parents = {}, {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            commands[int(process.name)] = (process / "cmdline").read_bytes().decode(errors="replace")
            status = (process / "stat").read_text().rpartition(") ")[2].split()
        except (OSError, ValueError):
            continue
        if status[0] != "Z":
            parents[int(process.name)] = int(status[1])
    found = {
        one
        for one, command in commands.items()
        if folder in command and "serve" not in command.split("\0") and one in parents
    }
    while True:
        more = {one for one, parent in parents.items() if parent in found} - found
        if not more:
            return sorted(found)
        found |= more
