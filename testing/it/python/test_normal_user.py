"""Machines of a server that is no root: the same, but for what only root can bound, which is told."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from conftest import World, call
from test_compute import TIERS, kill_machines, machine_processes, new_machine, python, shell, turn, until
from users import UserServer, user_server

#: Starts processes until it may not, and stays until it is ended with them.
FORKS = """
import os, time
for _ in range(5000):
    try:
        if os.fork() == 0:
            break
    except BlockingIOError:
        print("refused", flush=True)
        os.killpg(0, 9)
time.sleep(600)
"""


@pytest.fixture
def server(world: World) -> Iterator[UserServer]:
    yield from user_server(world)


def users(processes: list[int]) -> set[int]:
    """The users on this host that processes run as."""
    found = set()
    for process in processes:
        status = Path(f"/proc/{process}/status").read_text()
        found |= {int(user) for line in status.splitlines() if line.startswith("Uid:") for user in line.split()[1:]}
    return found


@pytest.mark.parametrize("tier", TIERS)
def test_a_machine_of_a_normal_user_lives_as_one_of_root(server: UserServer, tier: str) -> None:
    assert server.process
    (user,) = users([server.process.pid])
    assert user != 0
    with server.client() as client:
        session = new_machine(client, tier)
        first = turn(
            client,
            session,
            shell("id -u; pwd; (sleep 600 & echo $! > pid); mount -t tmpfs none /mnt 2>/dev/null || echo kept in"),
            python("x = 41"),
            call("run_javascript", code="1 + 1"),
            call("write_file", path="notes/a.md", content="one\ntwo\n"),
        )
        assert first[:3] == ["1000\n/workspace\nkept in\n", "(no output)", "2"], first
        assert users(machine_processes(server)) == {user}
    server.restart()
    with server.client() as client:
        again = turn(client, session, python("x + 1"), shell("cat notes/a.md; kill -0 $(cat pid) && echo runs"))
        assert again == ["42", "one\ntwo\nruns\n"]
        kill_machines(server)
        made = turn(client, session, shell("cat notes/a.md"))[0]
        assert made.startswith("[The machine was made again") and made.endswith("\none\ntwo\n"), made
        server.run("sandbox", "park", session)
        assert turn(client, session, shell("cat notes/a.md"))[0].endswith("one\ntwo\n")
        client.beta.agents.sessions.delete(session)
    until("the machine's folder to go", lambda: not server.machines())


@pytest.mark.parametrize("tier", TIERS)
def test_limits_hold_without_control_groups(server: UserServer, tier: str) -> None:
    """Of each process in the process tier, and of the whole machine in a guest."""
    with server.client() as client:
        session = new_machine(client, tier, memory=256, disk=64)
        neighbour = new_machine(client, tier)
        turn(client, neighbour, shell("true"))
        memory, disk, forks, last = turn(
            client,
            session,
            shell("python3 -c 'x = bytearray(2 << 30); print(sum(x))'"),
            shell("head -c 200M /dev/zero 2>/dev/null > big; stat -c %s big"),
            shell(f"python3 -c '{FORKS}'", timeout_ms=20_000),
            shell("rm -f big; echo usable"),
        )
        assert "MemoryError" in memory or "out of memory" in memory, memory
        assert 0 < int(disk.splitlines()[0]) <= 64 << 20, disk
        assert forks.startswith("refused\n"), forks
        assert last == "usable\n"
        assert turn(client, neighbour, shell("echo well")) == ["well\n"]


def test_doctor_says_what_only_others_can_have(server: UserServer) -> None:
    server.kill()
    command = server.command("doctor", "--json", "--require", "microvm")
    done = subprocess.run(command, env=server.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert [driver["works"] for driver in told["compute"]["drivers"]] == [True, True]
    notes = "\n".join(told["compute"]["notes"])
    assert "machines have no disks of their own" in notes
    if told["host"]["control_groups_missing"]:
        assert "Delegate=yes" in notes
