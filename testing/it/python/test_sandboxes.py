"""The machines of sessions as operators see them: the routes, and `mainstay sandbox`."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import termios
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from conftest import Server, mainstay
from test_compute import TIERS, kill_machines, machine_processes, new_machine, python, shell, turn, until


class Operator:
    """A key with the scope `admin`, and what it asks for."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.key = server.run("keys", "create", "--name", "operator", "--admin").strip()

    def ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json"}
        request = Request(self.server.url + path, data=data, headers=headers, method=method)
        try:
            with urlopen(request, timeout=120) as answer:
                return json.load(answer)
        except HTTPError as error:
            return {"status": error.code, **json.load(error)}

    def cli(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [mainstay(), "sandbox", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            **options,
        )

    @property
    def environment(self) -> dict[str, str]:
        return {**self.server.environment, "MAINSTAY_URL": self.server.url, "MAINSTAY_KEY": self.key}

    def journal(self, session: str) -> list[dict[str, Any]]:
        page = self.ask("GET", f"/agents/sessions/{session}/journal?limit=1000")
        return [entry for entry in page["data"] if entry["kind"] == "sandbox.operated"]

    def checkpoints(self, session: str) -> list[dict[str, Any]]:
        return self.ask("GET", f"/agents/sessions/{session}/checkpoints")["data"]


@pytest.fixture
def operator(server: Server) -> Operator:
    return Operator(server)


def operations(operator: Operator, session: str) -> list[str]:
    return [entry["payload"]["operation"]["type"] for entry in operator.journal(session)]


@pytest.mark.parametrize("tier", TIERS)
def test_an_operator_works_in_a_machine(server: Server, operator: Operator, tier: str) -> None:
    with server.client() as client:
        session = new_machine(client, tier)
        assert operator.ask("GET", "/sandboxes")["data"] == []
        assert operator.ask("GET", f"/sandboxes/{session}")["status"] == "absent"
        turn(client, session, shell("echo one > file"))
        (listed,) = operator.ask("GET", "/sandboxes?status=running")["data"]
        assert (listed["id"], listed["tier"], listed["unsaved_calls"]) == (session, tier, 0)
        assert operator.ask("GET", "/sandboxes?status=parked")["data"] == []

        # Commands: outputs, exit code, variables, standard input, and who did it in the journal.
        done = operator.ask(
            "POST",
            f"/sandboxes/{session}/exec",
            {"command": ["bash", "-c", "cat file -; echo $WHO >&2; exit 7"], "stdin": "two\n", "env": {"WHO": "me"}},
        )
        assert (done["stdout"], done["stderr"], done["exit_code"]) == ("one\ntwo\n", "me\n", 7)
        begun, ended = operator.journal(session)[-2:]
        assert begun["payload"]["operation"]["argv"][0] == "bash"
        assert "me" not in json.dumps(begun["payload"]["operation"].get("env", ""))
        assert ended["payload"]["operation"]["end"] == {"type": "exited", "code": 7}
        assert begun["principal"] == ended["principal"] != ""

        # What it changed is saved.
        before = len(operator.checkpoints(session))
        assert operator.cli("exec", session, "--", "bash", "-c", "echo three > operator.txt").returncode == 0
        until("the checkpoint", lambda: len(operator.checkpoints(session)) > before)

        # What cannot be started is refused, and the journal says why.
        refused = operator.ask("POST", f"/sandboxes/{session}/exec", {"command": ["no-such-program"]})
        assert refused["status"] == 400 and "no-such-program" in refused["error"]["message"], refused
        assert "no-such-program" in operator.journal(session)[-1]["payload"]["operation"]["error"]

        # The command line: streams, exit code, a pipe.
        ran = operator.cli("exec", session, "--stdin", "--", "bash", "-c", "tee copy; echo aside >&2; exit 3", input="piped ü\n")
        assert (ran.stdout, ran.stderr, ran.returncode) == ("piped ü\n", "aside\n", 3)
        big = operator.cli("exec", session, "--", "seq", "100000")
        assert big.stdout == "".join(f"{n}\n" for n in range(1, 100001)) and big.returncode == 0

        # Logs, parking, and what comes back after it.
        names = [log["name"] for log in operator.ask("GET", f"/sandboxes/{session}/logs")["data"]]
        assert set(names) - {"console"} == ({"qemu"} if tier == "microvm" else {"agent"})
        assert turn(client, session, python("x = 41")) == ["(no output)"]
        parked = operator.ask("POST", f"/sandboxes/{session}/park", {})
        assert parked["status"] == "parked"
        if tier == "microvm":
            assert turn(client, session, python("x + 1")) == ["42"]

        # Ended: the next call has a machine from the checkpoint, and is told.
        gone = operator.cli("rm", session, "--json")
        assert json.loads(gone.stdout)["status"] == "absent", gone.stderr
        until("the machine to end", lambda: not machine_processes(server))
        (said,) = turn(client, session, shell("cat file operator.txt copy"))
        assert said.endswith("\none\nthree\npiped ü\n") and said.startswith("[The machine was made again")
        assert operator.ask("POST", f"/sandboxes/{session}/park", {})["object"] == "sandbox"


def test_a_workspace_goes_back_to_a_checkpoint(server: Server, operator: Operator) -> None:
    with server.client() as client:
        session = new_machine(client, "process")
        turn(client, session, shell("echo first > file"))
        (first,) = operator.checkpoints(session)
        turn(client, session, shell("echo second > file; echo more > more"))
        listed = operator.cli("checkpoints", session)
        assert [line.split()[0] for line in listed.stdout.splitlines()[1:]][-1] == first["id"]
        restored = operator.cli("restore", session, first["id"])
        assert restored.returncode == 0, restored.stderr
        assert f"saved     {first['id']}" in restored.stdout
        server.restart()
    with server.client() as client:
        (said,) = turn(client, session, shell("cat file; ls"))
        assert "What the last call before changed in its files may be gone" in said, said
        assert said.endswith("\nfirst\nfile\n")
        assert operations(operator, session) == ["restored"]
        # Nonsense is refused and changes nothing.
        for checkpoint, status in [("ckpt_1", 404), ("ckpt_999999", 404), ("latest", 400)]:
            refused = operator.ask("POST", f"/sandboxes/{session}/restore", {"checkpoint": checkpoint})
            assert refused["status"] == status, refused
        assert operations(operator, session) == ["restored"]


def test_who_may_operate(server: Server, operator: Operator) -> None:
    with server.client() as client:
        session = new_machine(client, "process")
        plain = client.beta.agents.sessions.create(environment={"type": "none"}, agent={"model": "scripted"}).id
    use = server.key
    assert operator.ask("GET", f"/sandboxes/{session}", key=use)["object"] == "sandbox"
    command = {"command": ["true"]}
    cases = [
        ("POST", f"/sandboxes/{session}/exec", command, use, 403, None),
        ("GET", f"/sandboxes/{session}/logs", None, use, 403, None),
        ("POST", f"/sandboxes/{session}/park", {}, use, 403, None),
        ("DELETE", f"/sandboxes/{session}", None, use, 403, None),
        ("GET", f"/sandboxes/{session}/terminal", None, use, 403, None),
        ("GET", f"/sandboxes/{session}/terminal", None, None, 400, None),
        ("GET", f"/sandboxes/{plain}", None, None, 404, None),
        ("GET", "/sandboxes/ses_none", None, None, 404, None),
        ("DELETE", f"/sandboxes/{session}", None, None, 404, None),
        ("POST", f"/sandboxes/{session}/exec", {"command": []}, None, 400, "command"),
        ("POST", f"/sandboxes/{session}/exec", {"command": ["a\0b"]}, None, 400, "command"),
        ("POST", f"/sandboxes/{session}/exec", {**command, "timeout_ms": 0}, None, 400, "timeout_ms"),
        ("POST", f"/sandboxes/{session}/exec", {**command, "cwd": "here"}, None, 400, "cwd"),
        ("POST", f"/sandboxes/{session}/exec", {**command, "sudo": True}, None, 400, "sudo"),
        ("GET", "/sandboxes?status=asleep", None, None, 400, "status"),
        ("GET", f"/sandboxes/{session}/logs?limit_bytes=0", None, None, 400, "limit_bytes"),
    ]
    for method, path, body, key, status, param in cases:
        answer = operator.ask(method, path, body, key)
        assert (answer.get("status"), answer["error"].get("param")) == (status, param), (method, path, answer)
    assert operations(operator, session) == []


@pytest.mark.parametrize("tier", TIERS)
def test_an_operator_who_leaves_ends_the_command(server: Server, operator: Operator, tier: str) -> None:
    with server.client() as client:
        session = new_machine(client, tier)
        running = subprocess.Popen(
            [mainstay(), "sandbox", "exec", session, "--", "bash", "-c", "echo begun; sleep 600"],
            env=operator.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert running.stdout is not None and running.stdout.readline() == "begun\n"
        running.terminate()
        running.wait()
        running.stdout.close()
        until("its end", lambda: operations(operator, session) == ["exec_begun", "exec_ended"])
        ended = operator.journal(session)[-1]["payload"]["operation"]
        assert ended["error"] == "the operator left"
        done = operator.ask("POST", f"/sandboxes/{session}/exec", {"command": ["pgrep", "-x", "sleep"]})
        assert done["exit_code"] == 1, done


def begin(operator: Operator, session: str, command: str) -> None:
    """Runs something that says so, and goes on without anybody who waits for it once the server is gone."""
    running = subprocess.Popen(
        [mainstay(), "sandbox", "exec", session, "--", "bash", "-c", f"echo begun; {command}"],
        env=operator.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert running.stdout is not None and running.stdout.readline() == "begun\n"
    operator.server.kill()
    running.kill()
    running.wait()
    running.stdout.close()


@pytest.mark.parametrize("tier", TIERS)
def test_a_command_whose_server_is_killed_gets_an_end(server: Server, operator: Operator, tier: str) -> None:
    with server.client() as client:
        session = new_machine(client, tier)
        begin(operator, session, "until [ -e go ]; do sleep 0.05; done; exit 7")
        server.start()
        assert operator.ask("POST", f"/sandboxes/{session}/exec", {"command": ["touch", "go"]})["exit_code"] == 0
        until("both ends", lambda: operations(operator, session).count("exec_ended") == 2)
        begun = operator.journal(session)[0]["payload"]["operation"]["effect"]
        (ended,) = [
            entry
            for entry in operator.journal(session)
            if entry["payload"]["operation"] == {"type": "exec_ended", "effect": begun, "end": {"type": "exited", "code": 7}}
        ]
        assert ended["principal"] == "runtime"

        # Where the machine is gone too, nobody knows; and it is said once.
        begin(operator, session, "sleep 600")
        kill_machines(server)
        server.start()
        until("its end", lambda: operations(operator, session).count("exec_ended") == 3)
        ended = operator.journal(session)[-1]["payload"]["operation"]
        assert "end" not in ended and "not known" in ended["error"], ended
        server.restart()
        assert operations(operator, session).count("exec_ended") == 3


class Screen:
    """`mainstay sandbox shell` on a terminal of ours."""

    def __init__(self, operator: Operator, *arguments: str) -> None:
        self.seen = ""
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            command = [str(mainstay()), "sandbox", "shell", *arguments]
            os.execvpe(command[0], command, {**operator.environment, "TERM": "xterm"})

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def read_until(self, text: str) -> str:
        deadline = time.monotonic() + 60
        while text not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} did not come: {self.seen!r}"
            if select.select([self.terminal], [], [], left)[0]:
                try:
                    self.seen += os.read(self.terminal, 65536).decode(errors="replace")
                except OSError:
                    break
        assert text in self.seen, self.seen
        before, self.seen = self.seen.split(text, 1)
        return before

    def exit_code(self) -> int:
        try:
            while os.read(self.terminal, 65536):
                pass
        except OSError:
            pass
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


@pytest.mark.parametrize("tier", TIERS)
def test_a_shell_in_a_machine(server: Server, operator: Operator, tier: str) -> None:
    with server.client() as client:
        session = new_machine(client, tier)
        turn(client, session, shell("echo from the agent > file"))
        screen = Screen(operator, session)
        screen.type("cat file; echo gr$(printf '\\303\\274')n; tty; echo $TERM\r")
        screen.read_until("from the agent\r\n")
        screen.read_until("grün\r\n")
        screen.read_until("/dev/pts/")
        screen.read_until("xterm\r\n")
        fcntl.ioctl(screen.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 111, 0, 0))
        screen.type("until [ \"$(stty size)\" = '33 111' ]; do sleep 0.05; done; echo re''sized\r")
        screen.read_until("resized\r\n")
        # Ctrl-C is the program's business, from its first output on. A shell that says something and then
        # starts a program swallows one that comes between, on any terminal: here it is one program.
        screen.type("sh -c 'echo r''uns; exec sleep 600'\r")
        screen.read_until("runs\r\n")
        screen.type("\x03")
        screen.type("echo still ''here\r")
        screen.read_until("still here\r\n")
        screen.type("echo saved > shell.txt; exit 5\r")
        assert screen.exit_code() == 5
        until("its end", lambda: operations(operator, session) == ["exec_begun", "exec_ended"])
        assert operator.journal(session)[0]["payload"]["operation"]["has_terminal"]
        left = Screen(operator, session, "--command", "echo up; sleep 600")
        left.read_until("up\r\n")
        left.type("~.")
        assert left.exit_code() == 0
        until("its end", lambda: operations(operator, session)[2:] == ["exec_begun", "exec_ended"])
        gone = "while pgrep -f 'sleep 60[0]' > /dev/null; do sleep 0.1; done"
        assert turn(client, session, shell(f"{gone}; cat shell.txt")) == ["saved\n"]
