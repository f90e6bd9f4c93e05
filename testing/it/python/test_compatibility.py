"""docs/compatibility.md against the SDK's operations and the server's answers."""

from __future__ import annotations

import contextlib
import inspect
import re
from functools import cached_property
from pathlib import Path
from typing import Any, Iterator, NamedTuple

import httpx2
import openai
import pytest
from openai import OpenAI
from openai._resource import SyncAPIResource

from conftest import ROOT, Server

PAGE = "docs/compatibility.md"
APIS = ("beta.agents", "responses", "conversations", "chat.completions", "models", "webhooks")
# Made in the client, of other operations or of nothing: the row says of which.
HELPERS = {
    "beta.agents.sessions.artifacts.for_result",
    "beta.agents.sessions.stream",
    "chat.completions.parse",
    "chat.completions.stream",
    "responses.parse",
    "responses.stream",
    "webhooks.unwrap",
    "webhooks.verify_signature",
}
# A WebSocket, which a client without a socket cannot record.
SOCKETS = {"responses.connect": ("GET", "/responses")}

# Arguments where what is required is not enough: for one of several sets, or for the answer meant.
GIVEN: dict[str, dict[str, Any]] = {
    "beta.agents.automations.create": {"name": "x", "run_at": 1, "target": {}, "type": "once"},
    "beta.agents.environments.files.create": {"file_id": "x", "path": "x", "type": "file_id"},
    "beta.agents.environments.files.prepare": {"files": {"/workspace/x": __file__}},
    "beta.agents.environments.files.prepare_directory": {
        "root": str(Path(__file__).parent), "destination": "/workspace", "include": [Path(__file__).name]
    },
    "beta.agents.environments.files.upload": {"file": Path(__file__), "path": "/workspace/x"},
    "beta.agents.environments.create": {"environment": {"type": "openai_hosted"}},
    "chat.completions.create": {"messages": [], "model": "x"},
}

SERVED = ("works", "differs")
NOT_SERVED = ("refused", "not yet")


class Row(NamedTuple):
    result: str
    how: str


def rows() -> dict[str, Row]:
    found: dict[str, Row] = {}
    for line in (ROOT / PAGE).read_text().splitlines():
        row = re.fullmatch(r"\| `client\.([a-z_.]+)` \| ([a-z ]+) \| (.*) \|", line)
        if row:
            assert row[1] not in found, f"{PAGE}: client.{row[1]} stands twice"
            found[row[1]] = Row(row[2], row[3])
    return found


def operations(resource: SyncAPIResource, path: str) -> Iterator[str]:
    for name in sorted(dir(type(resource))):
        attribute = inspect.getattr_static(type(resource), name)
        if name.startswith(("_", "with_")):
            continue
        if isinstance(attribute, (property, cached_property)):
            inner = getattr(resource, name)
            if isinstance(inner, SyncAPIResource):
                yield from operations(inner, f"{path}.{name}")
        elif callable(attribute):
            yield f"{path}.{name}"


def of_path(client: OpenAI, path: str) -> Any:
    found: Any = client
    for name in path.split("."):
        found = getattr(found, name)
    return found


def all_operations() -> list[str]:
    client = OpenAI(api_key="none", base_url="http://127.0.0.1:1/v1")
    return [name for api in APIS for name in operations(of_path(client, api), api)]


ALL = all_operations()


def request_of(operation: str) -> tuple[str, str, bytes]:
    """The method, the path and the body that the SDK sends; `x` stands for every id."""
    if operation in SOCKETS:
        return *SOCKETS[operation], b""
    sent: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200, json={"data": []})

    transport = httpx2.MockTransport(answer)
    with OpenAI(
        api_key="none", base_url="http://server", http_client=httpx2.Client(transport=transport)
    ) as client:
        method = of_path(client, operation)
        parameters = inspect.signature(method).parameters.values()
        required = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        given = {p.name: "x" if p.name.endswith("id") or p.name == "model" else [] for p in required}
        # What is made of several requests cannot go on with this answer.
        with contextlib.suppress(openai.OpenAIError):
            method(**{**given, **GIVEN.get(operation, {})})
    assert sent, f"{operation} made no request"
    return sent[0].method, sent[0].url.path, sent[0].content


def test_every_operation_has_a_row() -> None:
    assert sorted(rows()) == sorted(ALL)
    assert {row.result for row in rows().values()} <= {*SERVED, *NOT_SERVED}
    assert HELPERS <= set(ALL)


def test_what_differs_and_what_is_refused_is_said() -> None:
    for operation, row in rows().items():
        if row.result != "works":
            assert row.how, f"{PAGE}: client.{operation} is {row.result!r}, and does not say how"


@pytest.mark.parametrize("operation", [name for name in ALL if name not in HELPERS])
def test_the_row_is_true(operation: str, shared_server: Server) -> None:
    row = rows()[operation]
    method, path, body = request_of(operation)
    headers = {"authorization": f"Bearer {shared_server.key}", "content-type": "application/json"}
    answer = httpx2.request(method, shared_server.url + path, headers=headers, content=body)
    assert answer.status_code < 500, f"{method} {path}: {answer.text}"
    error = answer.json().get("error") if answer.status_code >= 400 else None
    is_routed = not (error and (answer.status_code == 405 or error["message"].startswith("there is no route")))
    names_id = "/x" in path
    is_served = is_routed and (names_id or answer.status_code not in (404, 405))
    if row.result in SERVED:
        assert is_served, f"{method} {path}: {answer.status_code} {answer.text}"
    else:
        assert error, f"{method} {path} is answered: {answer.status_code}"
        assert f"`{error['code']}`" in row.how, f"{method} {path}: {error}"
        assert row.result == "refused" or not is_served, f"{method} {path}: {answer.text}"


def test_errors_that_are_named_have_pages() -> None:
    for operation, row in rows().items():
        for code in re.findall(r"\[`([a-z_]+)`\]\(errors/([a-z_]+)\.md\)", row.how):
            assert code[0] == code[1] and (ROOT / f"docs/errors/{code[0]}.md").is_file(), operation
