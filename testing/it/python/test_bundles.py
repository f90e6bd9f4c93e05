"""Forks, and sessions that travel in one file."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from conftest import LOOKUP, Server, call, mainstay, new_session, say


def turn(client: OpenAI, session: str, text: str) -> None:
    response = client.responses.create(model="scripted", input=say({"text": text}), conversation=session)
    assert response.status == "completed"


def texts(client: OpenAI, session: str) -> list[str]:
    items = client.beta.agents.sessions.items.list(session, order="asc")
    shown = [part for item in items if item.type == "message" for part in item.content]
    return [part.text for part in shown if part.type == "output_text"]


def export(client: OpenAI, session: str) -> bytes:
    return client.get(f"/agents/sessions/{session}/export", cast_to=openai.HttpxBinaryResponseContent).content


def bring_in(client: OpenAI, bundle: bytes, **query: Any) -> Any:
    headers = {"Content-Type": "application/x-tar"}
    return client.post(
        "/agents/sessions/import", content=bundle, cast_to=object,
        options={"headers": headers, "params": query},
    )


def test_a_fork_at_a_turn(loose_client: OpenAI) -> None:
    client = loose_client
    session = new_session(client)
    for text in ("One.", "Two.", "Three."):
        turn(client, session, text)
    second = list(client.beta.agents.sessions.turns.list(session, order="asc"))[1]
    fork: Any = client.post(f"/agents/sessions/{session}/fork", body={"turn_id": second.id}, cast_to=object)
    turn(client, fork["id"], "Another.")
    assert texts(client, session) == ["One.", "Two.", "Three."]
    assert texts(client, fork["id"]) == ["One.", "Two.", "Another."]


def test_copies_under_a_key_are_made_once(loose_client: OpenAI) -> None:
    client = loose_client
    session = new_session(client)
    turn(client, session, "One.")
    bundle = export(client, session)

    def fork(key: str, **body: Any) -> Any:
        options: Any = {"headers": {"Idempotency-Key": key}}
        return client.post(f"/agents/sessions/{session}/fork", body=body, cast_to=object, options=options)

    def import_(key: str, **query: Any) -> Any:
        headers = {"Content-Type": "application/x-tar", "Idempotency-Key": key}
        options: Any = {"headers": headers, "params": query}
        return client.post("/agents/sessions/import", content=bundle, cast_to=object, options=options)

    assert fork("a")["id"] == fork("a")["id"] != fork("b")["id"]
    assert import_("a")["id"] == import_("a")["id"] != import_("b")["id"]
    with pytest.raises(openai.ConflictError) as refused:
        fork("a", seq=1)
    assert refused.value.code == "idempotency_conflict"


def test_a_fork_of_a_session_that_waits(loose_client: OpenAI) -> None:
    client = loose_client
    script = say({"calls": [call("lookup", id=1)]}, {"text": "Found."})
    with client.beta.agents.sessions.create(
        environment={"type": "none"}, agent={"model": "scripted", "tools": [LOOKUP]}, input=script, stream=True
    ) as stream:
        for event in stream:
            if event.type == "agent.session.requires_action":
                session = event.session.id
                break
    fork: Any = client.post(f"/agents/sessions/{session}/fork", body={}, cast_to=object)
    assert fork["status"] == "requires_action"
    for id in (session, fork["id"]):
        action: Any = client.beta.agents.sessions.retrieve(id).required_actions[0]
        client.beta.agents.sessions.events.create(id, events=[{
            "type": "agent.session.input.tool_result", "turn_id": action.turn_id,
            "call_id": action.call_id, "success": True, "output": "Ada",
        }])
        with client.beta.agents.sessions.events.stream(id, extra_query={"starting_after": 0}) as events:
            assert any(event.type == "agent.session.turn.completed" for event in events)


@pytest.mark.parametrize(("body", "status"), [
    ({"turn_id": "turn_none"}, 404), ({"seq": 9_999}, 400), ({"seq": 0}, 400),
    ({"seq": 1, "turn_id": "x"}, 400), ({"at": 1}, 400),
])
def test_forks_that_cannot_be(loose_client: OpenAI, body: dict[str, Any], status: int) -> None:
    session = new_session(loose_client)
    with pytest.raises(openai.APIStatusError) as refused:
        loose_client.post(f"/agents/sessions/{session}/fork", body=body, cast_to=object)
    assert refused.value.status_code == status


def test_a_session_moves_to_another_server(server: Server, tmp_path_factory: pytest.TempPathFactory) -> None:
    with server.client() as client:
        session = new_session(client)
        turn(client, session, "Here.")
        bundle = export(client, session)
    path = tmp_path_factory.mktemp("bundle") / "session.tar"
    path.write_bytes(bundle)
    verified = subprocess.run([mainstay(), "bundle", "verify", path], capture_output=True, text=True)
    assert verified.returncode == 0, verified.stderr
    assert verified.stdout.startswith(f"{session} verified:") and "signed by " in verified.stdout
    other = Server(tmp_path_factory.mktemp("other"), server.world)
    try:
        with other.client() as client:
            moved = bring_in(client, bundle)
            assert moved["id"] != session
            turn(client, moved["id"], "There.")
            assert texts(client, moved["id"]) == ["Here.", "There."]
            with pytest.raises(openai.PermissionDeniedError):
                bring_in(client, bundle, keep_id="true")
        allowed = other.run("keys", "create", "--name", "mover", "--scope", "use", "--scope", "import").strip()
        with OpenAI(base_url=other.url, api_key=allowed) as client:
            assert bring_in(client, bundle, keep_id="true")["id"] == session
            with pytest.raises(openai.ConflictError):
                bring_in(client.with_options(max_retries=0), bundle, keep_id="true")
        other.restart()
        with other.client() as client:
            assert texts(client, session) == ["Here."]
    finally:
        other.kill()


def rewritten(bundle: bytes, change: Any) -> bytes:
    files = {}
    with tarfile.open(fileobj=io.BytesIO(bundle)) as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            assert content is not None
            files[member.name] = content.read()
    change(files)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def cut(files: dict[str, bytes]) -> None:
    files["journal.jsonl"] = files["journal.jsonl"][:-200]


def forge(files: dict[str, bytes]) -> None:
    files["journal.jsonl"] = files["journal.jsonl"].replace(b"scripted", b"scripteb")


def later(files: dict[str, bytes]) -> None:
    files["manifest.json"] = files["manifest.json"].replace(b'"version":1', b'"version":9')


def rename(files: dict[str, bytes]) -> None:
    manifest = json.loads(files["manifest.json"])
    manifest["exported_at_ms"] = 0
    files["manifest.json"] = json.dumps(manifest).encode()


def test_bundles_that_do_not_verify(loose_client: OpenAI, tmp_path: Path) -> None:
    bundle = export(loose_client, new_session(loose_client))
    changes: list[tuple[Any, str]] = [
        (cut, "not what its manifest says"),
        (forge, "not what its manifest says"),
        (later, "version 9"),
        (rename, "signature"),
        (lambda files: files.pop("journal.jsonl"), "has no file"),
        (lambda files: files.update({"more": b""}), "does not name"),
    ]
    broken = [(rewritten(bundle, change), words) for change, words in changes]
    broken += [(b"no archive", "archive"), (b"", "has no file")]
    for content, words in broken:
        with pytest.raises(openai.BadRequestError, match=words):
            bring_in(loose_client, content)
        path = tmp_path / "broken.tar"
        path.write_bytes(content)
        verified = subprocess.run([mainstay(), "bundle", "verify", path], capture_output=True, text=True)
        assert verified.returncode == 1 and words in verified.stderr


def test_a_session_is_deleted_with_its_journal(server: Server) -> None:
    with server.client() as client:
        session = new_session(client, instructions="A sentence to be forgotten.")
        client.beta.agents.sessions.delete(session)
    server.kill()
    with sqlite3.connect(server.folder / "data/mainstay.db") as store:
        payloads = [payload for (payload,) in store.execute("select payload from journal")]
    assert any("session_deleted" in payload or payload == "{}" for payload in payloads)
    assert payloads
    assert not any("to be forgotten" in payload for payload in payloads)
