"""pip and npm inside of machines, through the proxy, and what they installed over kills."""

from __future__ import annotations

import io
import json
import random
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Iterator

import pytest

from conftest import Server, World
from listeners import Listener, Request
from test_compute import TIERS, kill_machines, new_machine, python, shell, turn


def wheel(name: str, answer: int) -> bytes:
    packed = io.BytesIO()
    info = f"{name}-1.0.dist-info/"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{name}.py", f"answer = {answer}\n")
        archive.writestr(info + "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(info + "RECORD", f"{name}.py,,\n{info}METADATA,,\n{info}WHEEL,,\n{info}RECORD,,\n")
    return packed.getvalue()


def npm_package(name: str, answer: int) -> bytes:
    packed = io.BytesIO()
    about = json.dumps({"name": name, "version": "1.0.0", "main": "index.js"})
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, text in (("package.json", about), ("index.js", f"module.exports = {answer}\n")):
            member = tarfile.TarInfo("package/" + path)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


#: What npm may take in a guest on a busy machine.
NPM_MS = 300_000


class Registry:
    """Both indexes at one address, and who asked."""

    def __init__(self) -> None:
        # Machines ask the proxy for every address but the one that is called so inside of them.
        address = "127.%d.%d.%d" % tuple(random.randint(1, 254) for _ in range(3))
        self.listener = Listener(self.answer, answers_gets=True, address=(address, 0))

    def answer(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        kind, _, name = request.path.strip("/").partition("/")
        if kind == "simple":
            link = f"<a href='/wheels/{name}-1.0-py3-none-any.whl'>{name}-1.0-py3-none-any.whl</a>"
            return 200, {"content-type": "text/html"}, link.encode()
        if kind == "wheels":
            return 200, {"content-type": "application/zip"}, wheel(name.split("-")[0], 42)
        if kind == "packages":
            return 200, {"content-type": "application/gzip"}, npm_package(name, 43)
        dist = {"tarball": f"{self.listener.url}/packages/{kind}"}
        versions = {"1.0.0": {"name": kind, "version": "1.0.0", "dist": dist}}
        about = {"name": kind, "dist-tags": {"latest": "1.0.0"}, "versions": versions}
        return 200, {"content-type": "application/json"}, json.dumps(about).encode()


@pytest.fixture
def registry() -> Iterator[Registry]:
    registry = Registry()
    yield registry
    registry.listener.close()


@pytest.fixture
def server(tmp_path: Path, world: World, registry: Registry) -> Iterator[Server]:
    folder = tmp_path / "server"
    folder.mkdir()
    server = Server(folder, world)
    server.more = {"MAINSTAY_COMPUTE__PRIVATE_HOSTS_ALLOWED": json.dumps([registry.listener.host])}
    server.restart()
    yield server
    server.close()


@pytest.mark.parametrize("tier", TIERS)
def test_pip_and_npm_install_what_outlives_the_machine(server: Server, registry: Registry, tier: str) -> None:
    listener = registry.listener
    with server.client() as client:
        session = new_machine(
            client,
            tier,
            network={"access": "restricted", "allowed_domains": [listener.host]},
            env={
                "PIP_INDEX_URL": f"{listener.url}/simple/",
                "PIP_TRUSTED_HOST": listener.host.partition(":")[0],
                "npm_config_registry": listener.url,
            },
            packages={"python": ["early"]},
        )
        # npm is large: a guest without KVM runs it for a quarter of a minute, and beside others for longer.
        npm = "npm install -g --no-audit --no-fund --ignore-scripts tiny 2>&1"
        installed, elsewhere, kernel = turn(
            client,
            session,
            shell(npm, timeout_ms=NPM_MS),
            shell("curl -sS https://elsewhere.example/simple/ 2>&1"),
            python("import early\nnumber = early.answer"),
            patience_s=2 * NPM_MS / 1_000,
        )
        assert "added 1 package" in installed, installed
        assert "403" in elsewhere, elsewhere
        assert kernel == "(no output)", kernel
    server.restart()
    used = [python("number"), shell("node -e 'console.log(require(\"tiny\"))'")]
    with server.client() as client:
        # Of a server that was killed nothing is lost: the machine was never gone.
        assert turn(client, session, *used) == ["42", "43\n"]
        server.kill()
        kill_machines(server)
    server.start()
    with server.client() as client:
        # Of a machine that was killed the agent is told what is gone, and what was installed is not.
        again = turn(client, session, python("import early\nearly.answer"), *reversed(used))
        assert again[0].startswith("[The machine was made again from its last checkpoint."), again
        assert again[0].endswith("42") and again[1] == "43\n" and "NameError" in again[2], again
        journal: Any = client.get(f"/agents/sessions/{session}/journal?limit=1000", cast_to=object)
        made = {one["host"]: one for entry in journal["data"] for one in connections(entry)}
        assert "refused" not in made[listener.host.partition(":")[0]], made
        assert "not among the hosts" in made["elsewhere.example"]["refused"], made


def test_pip_says_why_it_was_refused(server: Server, registry: Registry) -> None:
    with server.client() as client:
        network = {"access": "restricted", "allowed_domains": [registry.listener.host]}
        session = new_machine(client, "process", network=network, env={"PIP_RETRIES": "1"})
        (said,) = turn(client, session, shell("pip install other 2>&1"))
        assert "403 Mainstay: pypi.org:443 is not among the hosts" in said, said


def connections(value: object) -> list[dict[str, Any]]:
    """The records of connections in an entry, wherever they are."""
    if isinstance(value, dict):
        own = [value] if "host" in value and "port" in value else []
        return own + [one for member in value.values() for one in connections(member)]
    if isinstance(value, list):
        return [one for member in value for one in connections(member)]
    return []
