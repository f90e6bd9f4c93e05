"""Vaults with the official SDK, and an MCP server that demands what is in them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Iterator

import pytest

from openai import BadRequestError, NotFoundError, OpenAI

from conftest import Server, World, call, say
from listeners import Listener, Request, mcp_server

SECRET = "open-sesame-4711"
NEXT_SECRET = "open-sesame-4712"


def test_vaults_and_credentials_by_the_sdk(client: OpenAI) -> None:
    vaults = client.beta.agents.vaults
    vault = vaults.create(name=" Bank ", metadata={"team": "books"})
    assert (vault.name, vault.metadata) == ("Bank", {"team": "books"})
    assert vaults.retrieve(vault.id) == vault
    assert vaults.update(vault.id, name=None).name is None
    assert vault.id in [v.id for v in vaults.list(metadata={"team": "books"}, status=["active"])]
    made = [
        vaults.credentials.create(
            vault.id,
            name="token",
            auth={"type": "static_bearer", "mcp_server_url": "https://a.test/mcp", "token": SECRET},
        ),
        vaults.credentials.create(
            vault.id,
            name="oauth",
            auth={
                "type": "mcp_oauth",
                "mcp_server_url": "https://a.test/mcp",
                "access_token": SECRET,
                "expires_at": "2030-01-01T00:00:00Z",
                "refresh": {
                    "client_id": "me",
                    "refresh_token": SECRET,
                    "token_endpoint": "https://a.test/token",
                    "token_endpoint_auth": {"type": "client_secret_post", "client_secret": SECRET},
                },
            },
        ),
        vaults.credentials.create(
            vault.id,
            name="variable",
            auth={
                "type": "environment_variable",
                "secret_name": "API_KEY",
                "secret_value": SECRET,
                "networking": {"type": "unrestricted"},
            },
        ),
    ]
    for credential in made:
        assert SECRET not in credential.to_json()
        assert vaults.credentials.retrieve(credential.id, vault_id=vault.id) == credential
    listed = list(vaults.credentials.list(vault.id, order="asc", limit=2))
    assert sorted(c.id for c in listed) == sorted(c.id for c in made)
    changed = vaults.credentials.update(
        made[0].id,
        vault_id=vault.id,
        auth={"type": "static_bearer", "token": NEXT_SECRET},
        metadata={"a": "b"},
    )
    assert changed.metadata == {"a": "b"}
    with pytest.raises(BadRequestError) as refused:
        vaults.credentials.update(
            made[0].id, vault_id=vault.id, auth={"type": "environment_variable", "secret_value": "x"}
        )
    assert refused.value.param == "auth.type"
    assert vaults.credentials.delete(made[0].id, vault_id=vault.id).deleted
    assert vaults.delete(vault.id).deleted
    with pytest.raises(NotFoundError):
        vaults.credentials.retrieve(made[1].id, vault_id=vault.id)


@pytest.fixture
def ledger() -> Iterator[Listener]:
    listener = mcp_server(lambda: SECRET)
    yield listener
    listener.close()


def balance(client: OpenAI, url: str, vault: str) -> list[str | None]:
    """What a session is told that asks the MCP server for the balance."""
    tool = {"type": "mcp", "server_label": "ledger", "required": True,
            "transport": {"type": "http", "server_url": url}}
    session = client.beta.agents.sessions.create(
        environment={"type": "none"}, agent={"model": "scripted", "tools": [tool]}, vault_ids=[vault]
    )
    asked = say({"calls": [call("balance")]}, {"text": "Told."})
    with client.beta.agents.sessions.stream(session.id, input=asked) as stream:
        assert stream.get_final_result().output_text == "Told."
    items = client.beta.agents.sessions.items.list(session.id)
    return [item.output for item in items if item.type == "mcp_call"]


def test_a_tool_call_proves_itself_and_leaves_no_trace(
    tmp_path: Path, world: World, ledger: Listener
) -> None:
    server = Server(tmp_path, world, hosts=[ledger.host], log="trace")
    try:
        with server.client() as client:
            vault = client.beta.agents.vaults.create()
            url = ledger.url + "/mcp"
            client.beta.agents.vaults.credentials.create(
                vault.id,
                name="ledger",
                auth={"type": "static_bearer", "mcp_server_url": url, "token": SECRET},
            )
            assert balance(client, url, vault.id) == ["42 EUR"]
            server.restart()
            client.base_url = server.url
            assert balance(client, url, vault.id) == ["42 EUR"]
    finally:
        server.kill()
    assert {r.headers["authorization"] for r in ledger.requests} == {"Bearer " + SECRET}
    searched = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name.startswith("mainstay.db") for path in searched)
    assert [path for path in searched if SECRET.encode() in path.read_bytes()] == []
    keys = [path for path in searched if path.name == "vault.key"]
    assert [oct(path.stat().st_mode & 0o777) for path in keys] == ["0o600"]


def test_an_expired_token_is_refreshed(tmp_path: Path, world: World) -> None:
    current = [SECRET]

    def token(request: Request) -> tuple[int, dict[str, str], bytes]:
        assert request.body.startswith(b"grant_type=refresh_token&refresh_token=refresh-1")
        current[0] = NEXT_SECRET
        answered = {"access_token": NEXT_SECRET, "token_type": "Bearer", "expires_in": 3600}
        return 200, {"content-type": "application/json"}, json.dumps(answered).encode()

    ledger, login = mcp_server(lambda: current[0]), Listener(token)
    server = Server(tmp_path, world, hosts=[ledger.host, login.host])
    try:
        with server.client() as client:
            vault = client.beta.agents.vaults.create()
            soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 30))
            credential = client.beta.agents.vaults.credentials.create(
                vault.id,
                name="ledger",
                auth={
                    "type": "mcp_oauth",
                    "mcp_server_url": ledger.url + "/mcp",
                    "access_token": SECRET,
                    "expires_at": soon,
                    "refresh": {
                        "client_id": "me",
                        "refresh_token": "refresh-1",
                        "token_endpoint": login.url + "/token",
                        "token_endpoint_auth": {"type": "none"},
                    },
                },
            )
            assert balance(client, ledger.url + "/mcp", vault.id) == ["42 EUR"]
            known = client.beta.agents.vaults.credentials.retrieve(credential.id, vault_id=vault.id)
            assert known.auth.type == "mcp_oauth" and known.auth.expires_at not in (None, soon)
        assert len(login.requests) == 1
    finally:
        server.kill()
        ledger.close()
        login.close()
