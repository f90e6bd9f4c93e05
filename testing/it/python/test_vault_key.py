"""The key that encrypts secrets: changed, cut short in the middle, lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

from conftest import Server, World
from listeners import mcp_server
from test_sigv4 import keys, send, signed
from test_vaults import SECRET, balance


def test_the_key_is_changed_and_lost(tmp_path: Path, world: World) -> None:
    ledger = mcp_server(lambda: SECRET)
    server = Server(tmp_path, world, hosts=[ledger.host])
    data = tmp_path / "data"
    try:
        server.kill()
        early = subprocess.run(
            server.command("vaults", "rekey"), env=server.environment, capture_output=True, text=True
        )
        assert early.returncode != 0 and "there is no key yet" in early.stderr, early.stderr
        server.start()
        url = ledger.url + "/mcp"
        with server.client() as client:
            vault = client.beta.agents.vaults.create()
            client.beta.agents.vaults.credentials.create(
                vault.id, name="ledger",
                auth={"type": "static_bearer", "mcp_server_url": url, "token": SECRET},
            )
        first = (data / "vault.key").read_text()
        running = subprocess.run(
            server.command("vaults", "rekey"), env=server.environment, capture_output=True, text=True
        )
        assert running.returncode != 0 and "one process at a time" in running.stderr, running.stderr
        server.kill()
        # Killed anywhere in the middle, it is run again.
        for moment in (0.05, 0.1, 0.2):
            begun = subprocess.Popen(
                server.command("vaults", "rekey"), env=server.environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            try:
                begun.wait(moment)
            except subprocess.TimeoutExpired:
                begun.kill()
                begun.wait()
        assert "encrypted 1 credentials" in server.run("vaults", "rekey")
        assert first.strip() in (data / "vault.retired").read_text()
        assert oct((data / "vault.retired").stat().st_mode & 0o777) == "0o600"
        server.start()
        with server.client() as client:
            assert balance(client, url, vault.id) == ["42 EUR"]
        server.kill()
        # Everything is under the newest key alone.
        (data / "vault.retired").unlink()
        server.run("vaults", "rekey", "--keep-key")
        server.start()
        with server.client() as client:
            assert balance(client, url, vault.id) == ["42 EUR"]
        server.kill()
        key = (data / "vault.key").read_text()
        (data / "vault.key").unlink()
        for name in ("serve", "vaults"):
            arguments = {"serve": ["serve", "--listen", server.address], "vaults": ["vaults", "rekey"]}
            lost = subprocess.run(
                server.command(*arguments[name]), env=server.environment, capture_output=True, text=True
            )
            assert lost.returncode != 0 and "bring that key back" in lost.stderr, lost.stderr
            assert not (data / "vault.key").exists()
        (data / "vault.key").write_text(key)
        server.start()
        with server.client() as client:
            assert balance(client, url, vault.id) == ["42 EUR"]
    finally:
        server.kill()
        ledger.close()


def test_what_is_left_under_a_key_before_is_named(tmp_path: Path, world: World) -> None:
    server = Server(tmp_path, world)
    data = tmp_path / "data"
    try:
        signing = keys(server)
        with server.client() as client:
            templates = client.beta.agents.environments.templates
            template = templates.create(name="Box", env={"TOKEN": SECRET}).id
            session = client.beta.agents.sessions.create(
                environment={"type": "openai_hosted", "env": {"TOKEN": SECRET}}, agent={"model": "scripted"}
            ).id
        server.kill()
        told = server.run("vaults", "rekey")
        assert "1 environment templates, 0 automations, 1 signing keys" in told, told
        assert f"keep vault.retired until these sessions are deleted: {session}" in told, told
        server.start()
        with server.client() as client:
            client.beta.agents.sessions.delete(session)
        server.kill()
        told = server.run("vaults", "rekey", "--keep-key")
        assert "no session's journal needs a key before" in told, told
        (data / "vault.retired").unlink()
        server.start()
        assert send(signed(server, signing, "GET", "/agents"))[0] == 200
        with server.client() as client:
            templates = client.beta.agents.environments.templates
            # A change opens what is confidential, and keeps it.
            assert templates.update(template, name="Chest").name == "Chest"
            made = client.beta.agents.sessions.create(
                environment={"type": "openai_hosted", "environment_template_id": template},
                agent={"model": "scripted"},
            )
            client.beta.agents.sessions.delete(made.id)
    finally:
        server.kill()
