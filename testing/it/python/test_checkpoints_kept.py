"""Old checkpoints: what goes, what stays, and a server that is killed while they go."""

from __future__ import annotations

import sqlite3
from typing import Any
from urllib.request import Request, urlopen

import pytest

from openai import BadRequestError, OpenAI

from conftest import Server
from test_compute import new_machine, shell, turn, until
from test_compute_forks import fork

KEPT = 3
TURNS = 40
#: What was written over stays until its layer of the workspace is merged with others.
UNMERGED = 16


def keeping(server: Server, count: int = KEPT, age_ms: int = 0) -> None:
    server.more = {
        "MAINSTAY_COMPUTE__KEPT_CHECKPOINTS": str(count),
        "MAINSTAY_COMPUTE__KEPT_CHECKPOINTS_MS": str(age_ms),
    }
    server.restart()


def checkpoints(client: OpenAI, session: str) -> list[dict[str, Any]]:
    path = f"/agents/sessions/{session}/checkpoints?limit=100&order=asc"
    found: Any = client.get(path, cast_to=object)
    return found["data"]


def kept(client: OpenAI, session: str) -> list[dict[str, Any]]:
    return [one for one in checkpoints(client, session) if one["kept"]]


def held(server: Server) -> tuple[int, int]:
    """How many blobs and files of blobs the data folder holds."""
    folder = server.folder / "data"
    with sqlite3.connect(f"file:{folder / 'mainstay.db'}?mode=ro", uri=True) as store:
        (count,) = store.execute("SELECT count(*) FROM blobs").fetchone()
    files = [one for one in (folder / "blobs").glob("*/*/*") if one.is_file()]
    return count, len(files)


def metric(server: Server, name: str) -> int:
    key = server.run("keys", "create", "--name", "metrics", "--admin").strip()
    url = server.url.removesuffix("/v1") + "/metrics"
    with urlopen(Request(url, headers={"Authorization": f"Bearer {key}"})) as answer:
        lines = answer.read().decode().splitlines()
    return int(float(next(line for line in lines if line.startswith(f"mainstay_{name} ")).split()[1]))


def test_old_checkpoints_go_and_all_that_is_kept_is_whole(server: Server) -> None:
    keeping(server)
    with server.client() as client:
        session = new_machine(client, "process")
        for number in range(TURNS):
            # A file that comes back as it was, one that is large and always another, and an artifact.
            write = (
                f"echo {number % 2} > toggles; head -c 200000 /dev/urandom > large; cp large large-{number % 3};"
                f" mkdir -p artifacts; [ {number} != 1 ] || head -c 150000 /dev/zero | tr '\\0' x > artifacts/x; true"
            )
            turn(client, session, shell(write))
        until("old ones to go", lambda: len(kept(client, session)) <= 2 * KEPT)
        seen = checkpoints(client, session)
        gone = [one for one in seen if not one["kept"]]
        assert len(seen) == TURNS and len(gone) >= TURNS - 2 * KEPT, seen
        assert metric(server, "collected_checkpoints_total") == len(gone)
        assert metric(server, "freed_blobs_total") > len(gone)
        _, large = held(server)
        assert large <= 2 * KEPT + UNMERGED, "large files that were written over go"

        # What the second turn left is read from its checkpoint, which is gone but for that.
        (artifact,) = client.beta.agents.sessions.artifacts.list(session)
        content = client.beta.agents.sessions.artifacts.content(artifact.id, session_id=session)
        assert content.read() == b"x" * 150_000

        for place in (gone[0], gone[-1]):
            with pytest.raises(BadRequestError, match="kept no longer"):
                fork(client, session, seq=place["seq"])
        table = server.run("sandbox", "checkpoints", session)
        assert "KEPT" in table and " no\n" in table and " yes\n" in table, table

        # Each that is kept can be begun with, also by a copy of a copy.
        for place in kept(client, session):
            copy = fork(client, session, seq=place["seq"])
            (listing,) = turn(client, copy, shell("ls; wc -c < large"))
            assert "200000" in listing and "toggles" in listing, listing
            assert [one.path for one in client.beta.agents.sessions.artifacts.list(copy)] == [artifact.path]
            again = fork(client, copy)
            assert "200000" in turn(client, again, shell("wc -c < large"))[0]
            for one in (copy, again):
                client.beta.agents.sessions.delete(one)

        client.beta.agents.sessions.delete(session)
        until("all blobs to go with their sessions", lambda: held(server) == (0, 0))


def test_a_server_that_is_killed_while_old_checkpoints_go(server: Server) -> None:
    """Killed again and again while sessions are saved and let go: what is kept can always be restored."""
    keeping(server, 1)
    write = "for i in $(seq 40); do head -c 9000 /dev/urandom > f$i; done; cat f* | sha256sum > sum"
    whole = shell("cat f* | sha256sum | cmp - sum && echo whole")
    with server.client() as client:
        session = new_machine(client, "process")
        turn(client, session, shell(write))
    for _ in range(6):
        with server.client() as client:
            turn(client, session, shell(write))
        # The turn's end is answered; what it makes old goes just now.
        server.restart()
        with server.client() as client:
            places = kept(client, session)
            assert places, "one is always kept"
            for place in places:
                try:
                    copy = fork(client, session, seq=place["seq"])
                except BadRequestError as error:
                    # It went just now, which is said as it is.
                    assert "kept no longer" in error.message, error.message
                    continue
                assert "whole" in turn(client, copy, whole)[0]
                client.beta.agents.sessions.delete(copy)
    with server.client() as client:
        until("old ones to go", lambda: len(kept(client, session)) <= 2)
        assert "whole" in turn(client, session, whole)[0]
        client.beta.agents.sessions.delete(session)
        until("all blobs to go with the session", lambda: held(server) == (0, 0))
