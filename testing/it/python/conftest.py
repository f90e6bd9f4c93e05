"""The real binary with a scripted model behind it, for tests with the official SDK.

`MAINSTAY_BIN` names the binary; `SCRIPTED_MODEL_BIN` the model server, which otherwise is looked for
beside it. What the model says is the user's message: a script as `say` writes it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator, Sequence
from urllib.request import urlopen

import pytest

import leftovers
from openai import ConflictError, NotFoundError, OpenAI

ROOT = Path(__file__).resolve().parents[3]


def binary(variable: str, beside: Path | None, name: str) -> Path:
    named = os.environ.get(variable)
    path = Path(named) if named else (beside or ROOT / "target/debug") / name
    assert path.is_file(), f"there is no {path}: build it, or name it in {variable}"
    return path


def mainstay() -> Path:
    return binary("MAINSTAY_BIN", None, "mainstay")


def scripted_model() -> Path:
    return binary("SCRIPTED_MODEL_BIN", mainstay().parent, "scripted-model")


def images() -> Path:
    """The images of whoever runs the tests; `cargo xtask image` builds them."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("MAINSTAY_IMAGES") or Path(cache) / "mainstay/images")


def say(*steps: dict[str, Any]) -> str:
    """A user's message that makes the scripted model answer with these steps."""
    return json.dumps({"script": list(steps)}, separators=(",", ":"))


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """One tool call of a step."""
    return {"name": name, "arguments": arguments}


def first_line(process: subprocess.Popen[str], log: Path | None = None) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        last = log.read_text().splitlines()[-10:] if log else []
        says = "\n".join(["", *last])
        raise AssertionError(f"{process.args} ended with {process.wait()} before it was ready{says}")
    return json.loads(line)


class World:
    """The scripted model and the tools that count their effects."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([scripted_model()], stdout=subprocess.PIPE, text=True)
        self.url: str = first_line(self.process)["url"]

    def stats(self, of: str = "/stats") -> dict[str, Any]:
        with urlopen(self.url + of) as answer:
            return json.load(answer)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Server:
    """A server on a data folder of its own; it can be killed and started again."""

    def __init__(
        self, folder: Path, world: World, hosts: Sequence[str] = (), log: str = "warn"
    ) -> None:
        self.folder = folder
        self.world = world
        self.hosts = [world.url.removeprefix("http://"), *hosts]
        self.log = log
        #: Settings of a test; they hold from the next start.
        self.more: dict[str, str] = {}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % free.getsockname()[1]
        self.process: subprocess.Popen[str] | None = None
        self.key = self.run("keys", "create", "--name", "tests").strip()
        self.start()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.folder),
            "OPENAI_BASE_URL": self.world.url + "/v1",
            "OPENAI_API_KEY": "scripted",
            "MAINSTAY_TOOLS__PRIVATE_HOSTS_ALLOWED": json.dumps(self.hosts),
            "MAINSTAY_SERVER__DEFAULT_MODEL": "scripted",
            "MAINSTAY_LOG__FILTER": self.log,
            "MAINSTAY_COMPUTE__IMAGES": str(images()),
            # Those that wait outlive a killed server by seconds; the test of them asks for them.
            "MAINSTAY_COMPUTE__WARM_MACHINES": "0",
            **self.more,
        }

    def command(self, *arguments: str) -> list[str]:
        return [str(mainstay()), *arguments, "--data-dir", str(self.folder / "data")]

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def start(self) -> None:
        log_file = self.folder / "server.log"
        with open(log_file, "a") as log:
            self.process = subprocess.Popen(
                self.command("serve", "--listen", self.address),
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.url: str = first_line(self.process, log_file)["url"] + "/v1"

    def kill(self) -> None:
        """Ends it at once, as a power cut does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def machines(self) -> list[Path]:
        """The folders of sessions' machines."""
        folder = self.folder / "data/machines"
        return list(folder.glob("ses_*")) if folder.is_dir() else []

    def close(self) -> None:
        """Ends it with the machines that would outlive it: they go with their sessions."""
        try:
            if self.machines():
                self.restart()
                self.delete_machines()
        finally:
            self.kill()

    def delete_machines(self) -> None:
        """Deletes the sessions that have machines, also one that a failed test left in the middle of a turn."""
        deadline = time.monotonic() + 60
        with self.client() as client:
            sessions = client.beta.agents.sessions
            while left := self.machines():
                assert time.monotonic() < deadline, f"{left} stay"
                for session in [machine.name for machine in left]:
                    # One whose session was deleted just now is on its way out.
                    with contextlib.suppress(NotFoundError):
                        try:
                            sessions.delete(session)
                        except ConflictError:
                            sessions.events.create(session, events=[{"type": "agent.session.input.cancel"}])
                time.sleep(0.02)

    def restart(self) -> None:
        self.kill()
        self.start()

    def client(self, **options: Any) -> OpenAI:
        return OpenAI(base_url=self.url, api_key=self.key, **options)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Behind all tests nothing of a machine is on the host."""
    folder, before = tmp_path_factory.getbasetemp(), leftovers.groups()
    yield
    deadline = time.monotonic() + 60
    while left := [*leftovers.held(folder), *sorted(leftovers.groups() - before)]:
        assert time.monotonic() < deadline, "left behind:\n" + "\n".join(left)
        time.sleep(0.1)


@pytest.fixture(scope="session")
def world(nothing_is_left: None) -> Iterator[World]:
    world = World()
    yield world
    world.stop()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("shared"), world)
    yield server
    server.close()


@pytest.fixture
def server(tmp_path: Path, world: World) -> Iterator[Server]:
    """A server that a test may kill."""
    server = Server(tmp_path, world)
    yield server
    server.close()


@pytest.fixture(params=[False, True], ids=["loose", "strict"])
def client(request: pytest.FixtureRequest, shared_server: Server) -> Iterator[OpenAI]:
    """A client that believes the server, and one that checks every answer against its types."""
    with shared_server.client(_strict_response_validation=request.param) as client:
        yield client


@pytest.fixture
def loose_client(shared_server: Server) -> Iterator[OpenAI]:
    """A client for what has extensions that strict clients do not know."""
    with shared_server.client() as client:
        yield client


def new_session(client: OpenAI, **agent: Any) -> str:
    """The id of a session with the scripted model."""
    session = client.beta.agents.sessions.create(
        environment={"type": "none"}, agent={"model": "scripted", **agent}
    )
    return session.id


LOOKUP = {
    "type": "function",
    "name": "lookup",
    "description": "Looks something up.",
    "parameters": {
        "type": "object",
        "properties": {"id": {"type": "integer"}},
        "required": ["id"],
        "additionalProperties": False,
    },
}
