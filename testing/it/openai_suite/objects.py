"""The things that the suite's tests name by literal ids, and how each is brought in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

TIMEOUT_SECONDS = 10
TAKEN = 409


@dataclass(frozen=True)
class Thing:
    """Something with an id that a test names."""

    collection: str
    id: str
    body: str

    def exists(self, url: str, key: str) -> bool:
        return ask("GET", f"{url}{self.collection}/{self.id}", key)[0] == 200

    def is_brought_in(self, url: str, key: str) -> bool:
        """Whether it is there now; not if its id is taken, as a deleted thing's is."""
        body = json.dumps({"id": self.id, **json.loads(self.body)}).encode()
        status, answer = ask("POST", f"{url}{self.collection}/import", key, body)
        assert status in (200, TAKEN), f"import {self.collection}/{self.id}: {status} {answer}"
        return status != TAKEN

    def bring_in(self, url: str, key: str) -> None:
        assert self.is_brought_in(url, key), f"{self.collection}/{self.id} is taken on a new server"


def ask(method: str, url: str, key: str, body: bytes | None = None) -> tuple[int, str]:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = Request(url, data=body, method=method, headers=headers)
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def thing(collection: str, id: str, **body: Any) -> Thing:
    return Thing(collection, id, json.dumps(body))


def agent(id: str) -> Thing:
    return thing("/agents", id, model="model")


def vault(id: str) -> Thing:
    return thing("/vaults", id, name="vault")


def credential(id: str) -> Thing:
    auth = {"type": "mcp_oauth", "access_token": "secret", "mcp_server_url": f"https://{id}.example"}
    return thing("/vaults/vault_id/credentials", id, name=id, auth=auth)


# What a list's cursor names has to be there too, and in all lists it is `after`.
FILES: dict[str, list[Thing]] = {
    "beta/test_agents.py": [agent("agent_id"), agent("after")],
    "beta/agents/test_vaults.py": [vault("vault_id"), vault("after")],
    "beta/agents/vaults/test_credentials.py": [
        vault("vault_id"),
        credential("credential_id"),
        credential("after"),
    ],
}


def needed(file: str, test: str) -> list[Thing]:
    """What has to be there before this test of this file."""
    return FILES.get(file, [])


def uses_up(test: str) -> bool:
    """Whether something may be gone after this test."""
    return "_delete" in test
