"""`codex exec-server` of npm, unmodified, as the executor of a self-hosted environment.

It dials out with signed requests; commands and files are what the model's tool calls ask for. Executor
and server are killed in the middle of a command, and a file counts how often it ran.
"""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from openai import OpenAI

from conftest import ROOT, Server, call, say

MACHINE = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
CODEX = ROOT / f"testing/it/node/node_modules/@openai/codex-linux-{MACHINE}/vendor"
# How long an event of a test may take at most; no test waits that long unless it fails.
PATIENCE_S = 60


def codex() -> Path:
    found = sorted(CODEX.glob("*/bin/codex"))
    assert found, f"there is no executor in {CODEX}: run `cargo xtask setup`"
    return found[0]


def until(what: str, is_so: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := is_so()):
        assert time.monotonic() < deadline, f"{what} did not happen in {PATIENCE_S} s"
        time.sleep(0.02)
    return found


class Executor:
    """A machine of the client's, with its executor."""

    def __init__(self, folder: Path, server: Server, session: Any) -> None:
        self.folder = folder
        self.workspace = Path(session.environment.workspace_directory)
        self.workspace.mkdir(parents=True, exist_ok=True)
        (folder / "home").mkdir(exist_ok=True)
        self.remote = session.environment.remote_url
        self.environment = session.environment.id
        keys = server.run("keys", "create", "--name", "executor", "--sigv4").split()
        self.keys = dict(line.split("=", 1) for line in keys)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        command = [str(codex()), "exec-server", "--remote", self.remote, "--environment-id", self.environment]
        command += ["--remote-transport", "direct"]
        command += ["--aws-sigv4", "--aws-region", "us-west-2", "--aws-service", "bedrock-mantle"]
        with open(self.folder / "executor.log", "a") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self.folder / "home"),
                    **self.keys,
                    **environment,
                },
            )

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def log(self) -> str:
        return (self.folder / "executor.log").read_text()


class Site:
    """A server, a session with a self-hosted environment, and the machine."""

    def __init__(self, folder: Path, server: Server, **agent: Any) -> None:
        self.server = server
        self.client = server.client()
        workspace = str(folder / "machine" / "my project")
        self.session = self.client.beta.agents.sessions.create(
            environment={"type": "self_hosted", "workspace_directory": workspace},
            agent={"model": "scripted"},
            extra_body={"agent": {"model": "scripted", **agent}},
        )
        (folder / "machine").mkdir()
        self.executor = Executor(folder / "machine", server, self.session)

    def status(self) -> str:
        return self.client.beta.agents.environments.retrieve(self.session.environment.id).status

    def connected(self) -> None:
        until("the executor's connection", lambda: self.status() == "connected")

    def begin(self, *calls: dict[str, Any]) -> None:
        text = say({"calls": list(calls)}, {"text": "Done."})
        content: Any = [{"type": "input_text", "text": text}]
        message: Any = {
            "type": "agent.session.input.message",
            "input": [{"role": "user", "content": content}],
        }
        self.client.beta.agents.sessions.events.create(self.session.id, events=[message])

    def rests(self) -> list[str]:
        """The outputs of the last turn's calls, once the session rests."""
        sessions = self.client.beta.agents.sessions
        until("the end of the turn", lambda: sessions.retrieve(self.session.id).status != "in_progress")
        assert sessions.retrieve(self.session.id).status == "idle"
        return self.outputs()

    def outputs(self) -> list[str]:
        url = f"{self.server.url}/agents/sessions/{self.session.id}/journal?limit=1000"
        request = Request(url, headers={"Authorization": f"Bearer {self.server.key}"})
        with urlopen(request) as answer:
            entries = json.load(answer)["data"]
        started = max(i for i, entry in enumerate(entries) if entry["kind"] == "input.received")
        bodies = [body for entry in entries[started:] for body in tool_bodies(entry["payload"])]
        outputs = {
            body["call_id"]: "".join(part["text"] for part in body["content"])
            for body in bodies
            if body["type"] == "tool_output"
        }
        calls = dict.fromkeys(body["call_id"] for body in bodies if body["type"] == "tool_call")
        return [outputs[call_id] for call_id in calls]

    def run(self, *calls: dict[str, Any]) -> list[str]:
        self.begin(*calls)
        return self.rests()


def tool_bodies(value: Any) -> Iterator[dict[str, Any]]:
    """Calls and outputs in an entry, wherever they stand in it."""
    if isinstance(value, list):
        for member in value:
            yield from tool_bodies(member)
    elif isinstance(value, dict):
        if value.get("type") in ("tool_call", "tool_output") and "call_id" in value:
            yield value
        else:
            yield from tool_bodies(list(value.values()))


@pytest.fixture
def site(tmp_path: Path, server: Server) -> Iterator[Site]:
    site = Site(tmp_path, server)
    yield site
    site.executor.kill()
    site.client.close()


def test_commands_and_files_are_the_machines(site: Site) -> None:
    assert site.session.environment.type == "self_hosted"
    assert site.session.environment.remote_url == site.server.url
    assert site.status() == "pending"
    # The first call waits for the executor.
    site.begin(call("shell", command="echo out; echo err >&2; exit 3"))
    site.executor.start()
    (output,) = site.rests()
    assert output.split() == ["out", "[stderr]", "err", "[exit", "code", "3]"], output
    assert site.status() == "connected"
    workspace = site.executor.workspace
    where, typed, secrets = site.run(
        call("shell", command="pwd"),
        call("shell", command="wc -c", stdin="12345"),
        call("shell", command="env"),
    )
    assert where.strip() == str(workspace)
    assert typed.strip() == "5"
    assert "AWS_" not in secrets, "the executor's own keys are not the commands'"
    site.run(call("write_file", path="deep/er/a b.txt", content="one\ntwo\n"))
    assert (workspace / "deep/er/a b.txt").read_text() == "one\ntwo\n"
    read, listed, found = site.run(
        call("read_file", path="deep/er/a b.txt"),
        call("list_files", path="", recursive=True),
        call("search_files", text="two"),
    )
    assert "two" in read
    assert "a b.txt" in listed
    assert "a b.txt" in found, found
    long, late = site.run(
        call("shell", command="seq 1 20000"),
        call("shell", command="echo before; sleep 100", timeout_ms=700),
    )
    assert "bytes left out" in long
    assert "before" in late and "time limit" in late
    terminal, lost = site.run(
        call("shell", command="script -qec 'tty; stty size' /dev/null || echo no terminal"),
        call("read_file", path="/none"),
    )
    assert "/dev/pts/" in terminal, terminal
    assert "does not exist" in lost


def test_without_an_executor_the_model_is_told_and_the_session_goes_on(site: Site) -> None:
    sessions = site.client.beta.agents.sessions
    # They wait side by side, for as long as an executor is waited for.
    outputs = site.run(call("shell", command="true"), call("read_file", path="a"))
    assert len(outputs) == 2
    for output in outputs:
        assert "codex exec-server" in output, output
    [turn] = sessions.turns.list(site.session.id)
    assert turn.status == "completed"
    calls = [item for item in sessions.items.list(site.session.id) if item.type == "command_execution"]
    assert [(item.status, item.exit_code) for item in calls] == [("failed", None)]
    assert site.status() == "pending"
    # One that comes later is not too late.
    site.executor.start()
    assert site.run(call("shell", command="echo here")) == ["here\n"]
    assert site.status() == "connected"


def test_what_a_command_writes_is_seen_while_it_runs(site: Site) -> None:
    site.executor.start()
    site.connected()
    workspace = site.executor.workspace
    site.begin(call("shell", command="echo one; while [ ! -e go ]; do sleep 0.05; done; echo two; exit 4"))
    from_start = {"starting_after": 0}
    written: list[str] = []
    with site.client.beta.agents.sessions.events.stream(site.session.id, extra_query=from_start) as events:
        for event in events:
            if event.type == "agent.output.command_execution_output.delta":
                written.append(event.delta)
                # The rest is written only when this was seen.
                (workspace / "go").touch()
            if event.type == "agent.session.turn.item.done" and event.item.type == "command_execution":
                done = event.item
            if event.type == "agent.session.idle" and written:
                break
    assert "".join(written).split() == ["one", "two"]
    assert (done.exit_code, done.status) == (4, "completed"), done


def test_an_executor_that_reconnects_ends_what_it_ran(site: Site) -> None:
    """The connection breaks, and the executor lives: its session goes on."""
    site.executor.start()
    site.connected()
    workspace = site.executor.workspace
    site.begin(call("shell", command="echo x >> ran; echo one; while [ ! -e go ]; do sleep 0.05; done; echo two"))
    until("the command's start", lambda: (workspace / "ran").exists())
    # A frozen executor is as good as gone; thawed, it finds that the server was started again.
    assert site.executor.process is not None
    os.kill(site.executor.process.pid, signal.SIGSTOP)
    site.server.restart()
    os.kill(site.executor.process.pid, signal.SIGCONT)
    site.connected()
    (workspace / "go").touch()
    (output,) = site.rests()
    assert output.split() == ["one", "two"]
    assert (workspace / "ran").read_text() == "x\n"


def test_a_server_that_is_killed_finds_what_the_command_did(site: Site) -> None:
    site.executor.start()
    site.connected()
    workspace = site.executor.workspace
    # It ends while no server is there to hear of it.
    site.begin(call("shell", command="echo x >> ran; echo one; sleep 1; echo two; echo y >> ended; exit 7"))
    until("the command's start", lambda: (workspace / "ran").exists())
    site.server.kill()
    until("the command's end", lambda: (workspace / "ended").exists())
    site.server.start()
    (output,) = site.rests()
    assert output.split() == ["one", "two", "[exit", "code", "7]"], output
    assert (workspace / "ran").read_text() == "x\n"
    assert site.run(call("shell", command="cat ran")) == ["x\n"]


@pytest.mark.parametrize("rule", ["report", "ask"])
def test_an_executor_that_is_killed_leaves_the_fate_unknown(
    tmp_path: Path, server: Server, rule: str
) -> None:
    site = Site(tmp_path, server, mainstay={"unknown_outcome": rule})
    try:
        site.executor.start()
        site.connected()
        workspace = site.executor.workspace
        site.begin(call("shell", command="echo x >> ran; echo $$ > pid; exec sleep 30"))
        pid = until("the command's start", lambda: (workspace / "pid").exists() and (workspace / "pid").read_text())
        site.executor.kill()
        os.kill(int(pid), signal.SIGKILL)
        until("the loss of the executor", lambda: site.status() == "disconnected")
        site.executor.start()
        sessions = site.client.beta.agents.sessions
        if rule == "ask":
            waits = lambda: sessions.retrieve(site.session.id).required_actions
            action = until("the question", waits)[0]
            assert action.request.to_dict()["kind"] == "unknown_outcome"
            assert (workspace / "ran").read_text() == "x\n", "nothing is run again unasked"
            decided: Any = {
                "type": "agent.session.input.approval_result",
                "request_id": action.request_id,
                "decision": "not_done",
            }
            sessions.events.create(site.session.id, events=[decided])
        (output,) = site.rests()
        assert re.search("not known|unknown|not done|not carried out", output), output
        assert (workspace / "ran").read_text() == "x\n"
        assert site.run(call("shell", command="cat ran")) == ["x\n"]
    finally:
        site.executor.kill()
        site.client.close()


def test_a_cancelled_turn_ends_its_command(site: Site) -> None:
    site.executor.start()
    site.connected()
    workspace = site.executor.workspace
    site.begin(call("shell", command="echo $$ > pid; trap '' TERM INT; while :; do sleep 0.1; done"))
    pid = int(until("the command's start", lambda: (workspace / "pid").exists() and (workspace / "pid").read_text()))
    cancel: Any = {"type": "agent.session.input.cancel"}
    site.client.beta.agents.sessions.events.create(site.session.id, events=[cancel])
    until("the end of the command", lambda: not Path(f"/proc/{pid}").exists())


def test_what_an_executor_may_not_do(site: Site, tmp_path: Path) -> None:
    wrong = Executor(tmp_path, site.server, site.session)
    wrong.keys["AWS_SECRET_ACCESS_KEY"] = "mss_wrong"
    wrong.start()
    assert wrong.process is not None
    assert wrong.process.wait(PATIENCE_S) != 0
    assert "the signature is not the one of this request" in wrong.log()
    # Another one replaces the first, which ends instead of fighting for the place.
    site.executor.start()
    site.connected()
    second = Executor(tmp_path, site.server, site.session)
    second.start()
    assert site.executor.process is not None
    assert site.executor.process.wait(PATIENCE_S) != 0
    site.executor.process = None
    site.connected()
    second.kill()
    # Without an environment there is nothing to work for.
    plain = site.client.beta.agents.sessions.create(
        environment={"type": "none"}, agent={"model": "scripted"}
    )
    stray = Executor(tmp_path, site.server, site.session)
    stray.environment = f"env_{plain.id}"
    stray.start()
    assert stray.process is not None
    assert stray.process.wait(PATIENCE_S) != 0


def test_an_access_key_id_is_no_bearer_key(site: Site) -> None:
    with pytest.raises(Exception) as refused:
        OpenAI(base_url=site.server.url, api_key=site.executor.keys["AWS_ACCESS_KEY_ID"]).models.list()
    assert "401" in str(refused.value)


def test_a_terminal_on_the_machine(site: Site) -> None:
    """`mainstay sandbox shell` and `exec` work on the executor's machine too."""
    # Not at the top: that module needs what compute needs.
    from test_sandboxes import Operator, Screen, operations

    site.executor.start()
    site.connected()
    operator = Operator(site.server)
    session = site.session.id
    assert operator.ask("GET", f"/sandboxes/{session}")["status"] == "connected"
    ran = operator.cli("exec", session, "--", "pwd")
    assert ran.stdout.strip() == str(site.executor.workspace), ran.stderr
    screen = Screen(operator, session)
    screen.type("tty; stty size; echo gr''ün > typed\r")
    screen.read_until("/dev/pts/")
    screen.read_until("24 80\r\n")
    screen.type("sh -c 'echo r''uns; sleep 600'\r")
    screen.read_until("runs\r\n")
    screen.type("\x03")
    screen.type("exit 5\r")
    assert screen.exit_code() == 5
    assert (site.executor.workspace / "typed").read_text() == "grün\n"
    kinds = ["arrived"] + ["exec_begun", "exec_ended"] * 2
    until("its end", lambda: operations(operator, session) == kinds)
    refused = operator.ask("POST", f"/sandboxes/{session}/park", {})
    assert refused["status"] in (400, 404), refused
