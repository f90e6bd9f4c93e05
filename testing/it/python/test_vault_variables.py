"""Secrets that a machine has as variables: it has placeholders, their hosts get the secrets."""

from __future__ import annotations

import errno
import json
import os
import random
from pathlib import Path
from typing import Any, Iterator

import pytest

from certificates import Authority
from conftest import Server, World
from listeners import Listener, Request
from test_compute import TIERS, new_machine, shell, turn

SECRET, NEXT_SECRET = "sk-first-secret-4711", "sk-second-secret-4712"
#: One of the two ports that such secrets are for.
PORT = 8443


def repeat(request: Request) -> tuple[int, dict[str, str], bytes]:
    """What came, told back."""
    told = {"authorization": request.headers.get("authorization"), "body": request.body.decode()}
    return 200, {"content-type": "application/json"}, json.dumps(told).encode()


class Hosts:
    """One that the secret is for, and one that the machine may reach without it."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.meant, self.other = self.listener(), self.listener()

    def listener(self) -> Listener:
        # All of these addresses are this machine, so that the port is free on one of them.
        address = "127.%d.%d.%d" % tuple(random.randint(1, 254) for _ in range(3))
        return Listener(repeat, address=(address, PORT), tls=self.authority.server(address))

    def close(self) -> None:
        self.meant.close()
        self.other.close()


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    hosts = Hosts(tmp_path)
    yield hosts
    hosts.close()


@pytest.fixture
def server(tmp_path: Path, world: World, hosts: Hosts) -> Iterator[Server]:
    folder = tmp_path / "server"
    folder.mkdir()
    server = Server(folder, world)
    server.more = {
        "MAINSTAY_COMPUTE__PRIVATE_HOSTS_ALLOWED": json.dumps([hosts.meant.host, hosts.other.host]),
        "MAINSTAY_COMPUTE__TRUSTED_CERTIFICATES": str(hosts.authority.file),
        "MAINSTAY_LOG__FILTER": "debug",
    }
    server.restart()
    yield server
    server.close()


def ask(listener: Listener, *more: str) -> dict[str, Any]:
    """A command that sends the variable as a program would."""
    words = ["curl", "-sS", *more, '-H "Authorization: Bearer $API_KEY"', '-d "key=$API_KEY"', listener.url]
    return shell(" ".join(words))


def new_vault(server: Server, hosts: Hosts, networking: dict[str, Any]) -> tuple[str, str]:
    with server.client() as client:
        vaults = client.beta.agents.vaults
        vault = vaults.create().id
        auth: Any = {
            "type": "environment_variable",
            "secret_name": "API_KEY",
            "secret_value": SECRET,
            "networking": networking,
        }
        return vault, vaults.credentials.create(vault, name="key", auth=auth).id


def restricted(*listeners: Listener) -> dict[str, Any]:
    return {"access": "restricted", "allowed_domains": [listener.host for listener in listeners]}


@pytest.mark.parametrize("tier", TIERS)
def test_its_hosts_get_the_secret_and_the_machine_does_not(server: Server, hosts: Hosts, tier: str) -> None:
    meant, other = hosts.meant, hosts.other
    limited = {"type": "limited", "allowed_hosts": [meant.host.removesuffix(f":{PORT}")]}
    vault, credential = new_vault(server, hosts, limited)
    with server.client() as client:
        session = new_machine(client, tier, network=restricted(meant, other), vault_ids=[vault])
        # A host that gets no secret has a connection of its own, with a certificate that nobody inside knows.
        shown, got, got_other = turn(client, session, shell("echo $API_KEY"), ask(meant), ask(other, "--insecure"))
        placeholder = shown.strip()
        assert placeholder and SECRET not in placeholder
        expected = {"authorization": f"Bearer {placeholder}", "body": f"key={placeholder}"}
        assert json.loads(got) == expected and json.loads(got_other) == expected, (got, got_other)
    assert [heard(meant), heard(other)] == [[SECRET], [placeholder]]
    server.restart()
    with server.client() as client:
        vaults = client.beta.agents.vaults
        assert turn(client, session, shell("echo $API_KEY"), ask(meant))[0] == shown
        new: Any = {"type": "environment_variable", "secret_value": NEXT_SECRET}
        vaults.credentials.update(credential, vault_id=vault, auth=new)
        assert turn(client, session, shell("echo $API_KEY"), ask(meant))[0] == shown
        vaults.credentials.delete(credential, vault_id=vault)
        assert "[exit code 60]" in turn(client, session, ask(meant))[0], "nobody inside knows its certificate"
        turn(client, session, shell(f"API_KEY={placeholder}; {ask(meant, '--insecure')['arguments']['command']}"))
    assert heard(meant) == [SECRET, SECRET, NEXT_SECRET, placeholder]
    server.kill()
    files = [path for path in server.folder.rglob("*") if path.is_file()]
    assert any(path.name == "server.log" for path in files)
    leaked = [path for path in files if any(secret.encode() in written(path) for secret in (SECRET, NEXT_SECRET))]
    assert not leaked


def written(path: Path) -> bytes:
    """What a file holds, without its holes: the disk of a machine is mostly these."""
    with open(path, "rb") as file:
        size, at, parts = os.fstat(file.fileno()).st_size, 0, []
        while at < size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError as error:
                assert error.errno == errno.ENXIO, error
                break
            end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            file.seek(at)
            parts.append(file.read(end - at))
            at = end
    return b"".join(parts)


def heard(listener: Listener) -> list[str]:
    """What came as the key, which was the same in header and body."""
    keys = [request.headers["authorization"].removeprefix("Bearer ") for request in listener.requests]
    assert keys == [request.body.decode().removeprefix("key=") for request in listener.requests]
    return keys


def test_a_secret_without_hosts_is_for_those_of_an_allow_list(server: Server, hosts: Hosts) -> None:
    vault, _ = new_vault(server, hosts, {"type": "unrestricted"})
    with server.client() as client:
        for network, expected in [(restricted(hosts.meant), SECRET), ({"access": "enabled"}, None)]:
            session = new_machine(client, "process", network=network, vault_ids=[vault])
            placeholder = turn(client, session, shell("echo $API_KEY"))[0].strip()
            turn(client, session, ask(hosts.meant, "--insecure"))
            assert heard(hosts.meant)[-1] == (expected or placeholder)
