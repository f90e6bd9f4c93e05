"""Sessions with a machine of their own, in both tiers, with the official SDK."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any, Callable, Sequence

import pytest

from openai import OpenAI

from conftest import Server, call, say
from test_restart import send

TIERS = ["process", "microvm"]
#: What a machine may take to come up here before a test counts it as failed.
PATIENCE_S = 120.0


def until(what: str, holds: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """Waits for something that happens outside of this process."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = holds()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {patience_s} s for {what}")


def new_machine(
    client: OpenAI, tier: str, vault_ids: Sequence[str] = (), **environment: Any
) -> str:
    session = client.beta.agents.sessions.create(
        environment={"type": "openai_hosted", **environment},  # type: ignore[typeddict-item]
        agent={"model": "scripted"},
        vault_ids=list(vault_ids),
        extra_body={"environment": {"type": "openai_hosted", "tier": tier, **environment}},
    )
    return session.id


def turn(client: OpenAI, session: str, *calls: dict[str, Any], patience_s: float = PATIENCE_S) -> list[str]:
    """The outputs of calls that are made one after the other."""
    steps = [{"calls": [one]} for one in calls]
    before = len(outputs(client, session))
    send(client, session, say(*steps, {"text": "Done."}))
    rest(client, session, patience_s)
    found = outputs(client, session)[before:]
    assert len(found) == len(calls), found
    return found


def rest(client: OpenAI, session: str, patience_s: float = PATIENCE_S) -> None:
    def rests() -> bool:
        found = client.beta.agents.sessions.retrieve(session)
        assert found.status not in ("failed", "requires_action"), found.to_json()
        turns = list(client.beta.agents.sessions.turns.list(session, limit=1))
        return found.status == "idle" and bool(turns) and turns[0].status == "completed"

    until(f"{session} to rest", rests, patience_s)


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
        kill_machines(server)
        said = turn(client, session, shell("cat file"), python("x"))
        assert said[0].startswith("[The machine was made again from its last checkpoint. Its files are all there;")
        assert said[0].endswith("\nsaved\n")
        assert "NameError" in said[1]


def kill_machines(server: Server) -> None:
    """Kills what belongs to machines; some of it goes by itself with its parent."""
    killed = machine_processes(server)
    for process in killed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    until("the machine to die", lambda: not any(map(is_alive, killed)))


def is_alive(process: int) -> bool:
    """Whether a process still holds files; what it was started as is forgotten before it closes them."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()[0] not in "ZX"
    except OSError:
        return False


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


def test_what_runs_is_seen_while_it_runs(server: Server) -> None:
    """Each test has one of both tiers: what streams is the same code, from the agent inside on."""
    for tier in TIERS:
        with server.client(_strict_response_validation=True) as client:
            session = new_machine(server.client(), tier)
            turn(client, session, shell("true"))
            wait = "until [ -e go ]; do sleep 0.05; done"
            steps = [
                shell(f"printf 'gr\\303'; sleep 0.2; printf '\\274n\\n'; echo aside >&2; {wait}; echo ended"),
                python("import os, time\nprint('counting', flush=True)\nwhile not os.path.exists('go2'): time.sleep(0.02)"),
            ]
            environment = client.beta.agents.sessions.retrieve(session).environment
            files = client.beta.agents.environments.files
            with client.beta.agents.sessions.events.stream(session) as events:
                send(client, session, say(*({"calls": [step]} for step in steps), {"text": "Done."}))
                printed: dict[str, str] = {}
                late = ""
                for event in events:
                    if event.type == "agent.output.command_execution_output.delta":
                        shown = printed[event.item_id] = printed.get(event.item_id, "") + event.delta
                        if "aside" in shown and not late:
                            # Who comes now sees what was printed so far.
                            with server.client().beta.agents.sessions.events.stream(session) as other:
                                late = next(e.delta for e in other if e.type == event.type)
                            files.create(environment.id, type="inline", path="/workspace/go", data="")
                        if "counting" in shown:
                            files.create(environment.id, type="inline", path="/workspace/go2", data="")
                    if event.type == "agent.session.idle":
                        break
            command, code = printed.values()
            assert late == "grün\naside\n"
            assert sorted(command.splitlines()) == ["aside", "ended", "grün"]
            assert code == "counting\n"
            items = {item.id: item for item in client.beta.agents.sessions.items.list(session, limit=100)}
            command_item, code_item = (items[item] for item in printed)
            assert command_item.type == "command_execution" and code_item.type == "mcp_call"
            assert command_item.output == "grün\nended\n[stderr]\naside\n"


@pytest.mark.parametrize("tier", TIERS)
def test_a_follower_of_a_command_over_a_crash_gets_the_whole_output(server: Server, tier: str) -> None:
    with server.client() as client:
        session = new_machine(client, tier)
        turn(client, session, shell("true"))
        environment = client.beta.agents.sessions.retrieve(session).environment
        with client.beta.agents.sessions.events.stream(session) as events:
            slow = "echo before; until [ -e go ]; do sleep 0.05; done; echo after"
            send(client, session, say({"calls": [shell(slow)]}, {"text": "Done."}))
            seen = 0
            for event in events:
                if event.type == "agent.output.command_execution_output.delta":
                    assert event.delta == "before\n"
                    break
                seen = max(seen, event.sequence_number)  # type: ignore[attr-defined]
            server.kill()
    server.start()
    with server.client() as client:
        with client.beta.agents.sessions.events.stream(session, extra_query={"starting_after": seen}) as events:
            files = client.beta.agents.environments.files
            files.create(environment.id, type="inline", path="/workspace/go", data="")
            done = next(e.item for e in events if e.type == "agent.session.turn.item.done")
        assert done.type == "command_execution" and done.output == "before\nafter\n"
        rest(client, session)


@pytest.mark.parametrize("tier", TIERS)
def test_what_a_turn_leaves_under_artifacts_outlives_its_machine(server: Server, tier: str) -> None:
    figure = (
        "class Figure:\n"
        "    def _repr_png_(self): return b'\\x89PNG\\r\\n\\x1a\\nbytes'\n"
        "Figure()"
    )
    with server.client(_strict_response_validation=True) as client:
        session = new_machine(server.client(), tier)
        turn(
            client,
            session,
            shell("mkdir -p artifacts/deep; seq 200000 > artifacts/deep/long.txt; printf 'a\\0\\377' > artifacts/raw"),
            python(figure),
            call("write_file", path="artifacts/note.md", content="by the tool"),
            shell("echo not one > other.txt"),
        )
        artifacts = client.beta.agents.sessions.artifacts
        first = {one.path: one for one in artifacts.list(session)}
        (picture,) = [path for path in first if path.endswith(".png")]
        assert sorted(first) == sorted(
            [picture, "/workspace/artifacts/deep/long.txt", "/workspace/artifacts/note.md", "/workspace/artifacts/raw"]
        )
        raw = first["/workspace/artifacts/raw"]
        assert artifacts.content(raw.id, session_id=session).read() == b"a\0\xff" and raw.size_bytes == 3
        turn(client, session, shell("echo again > artifacts/raw; rm artifacts/note.md"))
        # A further turn leaves what it changed; what an earlier one left stays what it was.
        newest = artifacts.list(session, limit=1).data[0]
        assert (newest.path, newest.turn_id != raw.turn_id) == ("/workspace/artifacts/raw", True)
        kill_machines(server)
    server.restart()
    with server.client() as client:
        artifacts = client.beta.agents.sessions.artifacts
        long = first["/workspace/artifacts/deep/long.txt"]
        content = artifacts.content(long.id, session_id=session).read()
        assert content == b"".join(b"%d\n" % n for n in range(1, 200001))
        assert artifacts.content(raw.id, session_id=session).read() == b"a\0\xff"
        assert artifacts.content(newest.id, session_id=session).read() == b"again\n"
        assert b"PNG" in artifacts.content(first[picture].id, session_id=session).read()
        assert not machine_processes(server), "reading artifacts needs no machine"
        listed = [one.id for one in artifacts.list(session, limit=2, order="asc")]
        assert len(listed) == 5 and listed == [one.id for one in artifacts.list(session, limit=100)][::-1]
        # Forks see what was there when they began.
        fork = client.post(f"/agents/sessions/{session}/fork", body={}, cast_to=object)
        copies = {one.path for one in artifacts.list(fork["id"])}  # type: ignore[index]
        assert copies == set(first)
        artifacts.delete(raw.id, session_id=session)
        assert raw.id not in [one.id for one in artifacts.list(session)]
