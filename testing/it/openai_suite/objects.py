"""The things that the suite's tests name by literal ids, and how each is brought in.

What a list's cursor names has to be there too, and in all lists it is `after`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

TIMEOUT_SECONDS = 10
#: The environment of the session `ses_machine`.
ENVIRONMENT = "env_ses_machine"
TAKEN = 409
JSON = "application/json"
TAR = "application/x-tar"


@dataclass(frozen=True)
class Thing:
    """Something with an id that a test names: where it is, and what makes it."""

    path: str
    route: str
    body: bytes
    media_type: str = JSON

    def exists(self, url: str, key: str) -> bool:
        return ask("GET", url + self.path, key)[0] == 200

    def is_brought_in(self, url: str, key: str) -> bool:
        """Whether it is there now; not if its id is taken, as a deleted thing's is."""
        status, answer = ask("POST", url + self.route, key, self.body, self.media_type)
        assert status in (200, TAKEN), f"{self.route} for {self.path}: {status} {answer}"
        return status != TAKEN

    def bring_in(self, url: str, key: str) -> None:
        assert self.is_brought_in(url, key), f"{self.path} is taken on a new server"


def ask(
    method: str, url: str, key: str, body: bytes | None = None, media_type: str = JSON
) -> tuple[int, str]:
    headers = {"authorization": f"Bearer {key}", "content-type": media_type}
    request = Request(url, data=body, method=method, headers=headers)
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def resource(collection: str, id: str, **body: Any) -> Thing:
    text = json.dumps({"id": id, **body}).encode()
    return Thing(f"{collection}/{id}", f"{collection}/import", text)


def session(path: str, archive: bytes) -> Thing:
    """Something that a session's journal holds."""
    return Thing(path, "/agents/sessions/import?keep_id=true", archive, TAR)


def agent(id: str) -> Thing:
    return resource("/agents", id, model="model")


def template(id: str) -> Thing:
    return resource("/agents/environments/templates", id, name="template")


def automation(id: str) -> Thing:
    said = {"role": "user", "content": [{"type": "input_text", "text": "Hello."}]}
    target = {"type": "new_session", "environment": {"type": "none"}, "input": [said]}
    timing = {"type": "periodic", "expression": "0 0 1 1 *", "timezone": "UTC"}
    return resource("/agents/automations", id, name="yearly", target=target, **timing)


def invocation(id: str) -> Thing:
    return resource("/agents/automations/automation_id/invocations", id)


def webhook(id: str) -> Thing:
    events = ["agent.session.idle"]
    return resource("/webhook_endpoints", id, name=id, url="https://hooks.example/", event_types=events)


def vault(id: str) -> Thing:
    return resource("/vaults", id, name="vault")


def credential(id: str) -> Thing:
    auth = {"type": "mcp_oauth", "access_token": "secret", "mcp_server_url": f"https://{id}.example"}
    return resource("/vaults/vault_id/credentials", id, name=id, auth=auth)


def file(path: str) -> Thing:
    """A file in the environment."""
    files = f"/agents/environments/{ENVIRONMENT}/files"
    body = {"type": "inline", "path": path, "data": "eA=="}
    return Thing(f"{files}?path={path}", files, json.dumps(body).encode())


def catalogue(archives: dict[str, bytes]) -> dict[str, list[Thing]]:
    """What the tests of each file need; `archives` are the sessions' bundles."""
    worked = session("/agents/sessions/session_id/turns/turn_id", archives["worked"])
    waiting = session("/agents/sessions/session_id", archives["waiting"])
    other = session("/agents/sessions/after", archives["after"])
    below = "/agents/sessions/session_id/subagents"
    tree = [
        session("/agents/sessions/session_id", archives["parent"]),
        session(f"{below}/subagent_id/turns/turn_id", archives["subagent"]),
        session(f"{below}/after", archives["subagent_after"]),
    ]
    response = session("/responses/resp_677efb5139a88190b512bc3fef8e535d", archives["response"])
    earlier = session("/responses/resp_123", archives["resp_123"])
    input_items = session("/responses/response_id", archives["response_id"])
    conversation = session("/conversations/conv_123", archives["conversation"])
    artifact = session("/agents/sessions/session_id", archives["artifact"])
    machine = session(f"/agents/environments/{ENVIRONMENT}", archives["machine"])
    sessions = "beta/agents/sessions"
    return {
        "beta/test_agents.py": [agent("agent_id"), agent("after")],
        "beta/agents/automations/test_invocations.py": [
            automation("automation_id"),
            invocation("invocation_id"),
            invocation("after"),
        ],
        "beta/agents/environments/test_templates.py": [
            template("environment_template_id"),
            template("after"),
        ],
        "beta/agents/test_automations.py": [
            automation("automation_id"),
            automation("after"),
            session("/agents/sessions/session_id", archives["worked"]),
        ],
        "beta/agents/test_environments.py": [
            template("environment_template_id"),
            vault("string"),
            machine,
        ],
        "beta/agents/environments/test_files.py": [machine, file("path/a"), file("path/b")],
        "beta/agents/test_vaults.py": [vault("vault_id"), vault("after")],
        "beta/agents/vaults/test_credentials.py": [
            vault("vault_id"),
            credential("credential_id"),
            credential("after"),
        ],
        "beta/agents/test_sessions.py": [worked, other, agent("agent_id"), vault("string")],
        f"{sessions}/test_artifacts.py": [artifact],
        f"{sessions}/test_events.py": [waiting],
        f"{sessions}/test_items.py": [worked],
        f"{sessions}/test_turns.py": [worked],
        f"{sessions}/test_subagents.py": tree,
        f"{sessions}/subagents/test_items.py": tree,
        f"{sessions}/subagents/test_turns.py": tree,
        f"{sessions}/subagents/turns/test_items.py": tree,
        f"{sessions}/test_traces.py": [worked],
        f"{sessions}/turns/test_items.py": [worked],
        "test_webhooks.py": [webhook("whe_123"), webhook("after")],
        "test_responses.py": [response, earlier],
        "responses/test_input_items.py": [input_items],
        "test_conversations.py": [conversation],
        "conversations/test_items.py": [conversation],
    }


def uses_up(file: str, test: str) -> bool:
    """Whether what was there may be gone, or other, after this test."""
    return "_delete" in test or (file.endswith("sessions/test_events.py") and "_create" in test)
