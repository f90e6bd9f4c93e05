"""Requests signed by botocore, the signer of Amazon's own SDKs."""

from __future__ import annotations

import datetime
import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from conftest import Server


def keys(server: Server) -> dict[str, str]:
    lines = server.run("keys", "create", "--name", "signer", "--sigv4").split()
    return dict(line.split("=", 1) for line in lines)


def signed(
    server: Server,
    key: dict[str, str],
    method: str,
    path: str,
    body: Any = None,
    service: str = "bedrock-mantle",
    token: str | None = None,
) -> AWSRequest:
    data = b"" if body is None else json.dumps(body).encode()
    request = AWSRequest(method, server.url + path, {"Content-Type": "application/json"}, data)
    credentials = Credentials(key["AWS_ACCESS_KEY_ID"], key["AWS_SECRET_ACCESS_KEY"], token)
    botocore.auth.SigV4Auth(credentials, service, "eu-central-1").add_auth(request)
    return request


def send(request: AWSRequest, url: str | None = None, data: bytes | None = None) -> tuple[int, Any]:
    prepared = request.prepare()
    body = prepared.body if data is None else data
    headers = {name: str(value) for name, value in dict(prepared.headers).items()}
    try:
        with urlopen(Request(url or prepared.url, body or None, headers, method=prepared.method)) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def test_what_botocore_signs_is_believed(shared_server: Server) -> None:
    key = keys(shared_server)
    status, agent = send(signed(shared_server, key, "POST", "/agents", {"model": "scripted", "name": "é \"x\""}))
    assert status == 200, agent
    status, found = send(signed(shared_server, key, "GET", f"/agents/{agent['id']}"))
    assert (status, found["id"]) == (200, agent["id"])
    status, page = send(signed(shared_server, key, "GET", "/agents?order=desc&limit=2"))
    assert status == 200 and page["data"][0]["id"] == agent["id"], page
    status, error = send(signed(shared_server, key, "GET", "/agents/a%20b%2Fc"))
    assert (status, error["error"]["code"]) == (404, "not_found")
    status, _ = send(signed(shared_server, key, "DELETE", f"/agents/{agent['id']}"))
    assert status == 200


def test_what_was_changed_is_not(shared_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    key = keys(shared_server)
    good = signed(shared_server, key, "POST", "/agents", {"model": "scripted"})
    cases = {
        "body": (good, {"data": b'{"model": "scriptex"}'}),
        "path": (good, {"url": shared_server.url + "/vaults"}),
        "query": (good, {"url": shared_server.url + "/agents?limit=1"}),
        "secret": (signed(shared_server, {**key, "AWS_SECRET_ACCESS_KEY": "x"}, "GET", "/agents"), {}),
        "key": (signed(shared_server, {**key, "AWS_ACCESS_KEY_ID": "key_x"}, "GET", "/agents"), {}),
        "service": (signed(shared_server, key, "GET", "/agents", service="s3"), {}),
        "token": (signed(shared_server, key, "GET", "/agents", token="t"), {}),
    }
    for what, (request, change) in cases.items():
        status, error = send(request, **change)
        assert (status, error["error"]["type"]) == (401, "authentication_error"), what
    # One that was made sixteen minutes ago comes again, or for the first time.
    now = datetime.datetime.now(datetime.timezone.utc)
    late = (now - datetime.timedelta(minutes=16)).replace(tzinfo=None)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: late)
    status, error = send(signed(shared_server, key, "GET", "/agents"))
    assert status == 401 and "expired" in error["error"]["message"], error
    monkeypatch.undo()
    assert send(signed(shared_server, key, "GET", "/agents"))[0] == 200
    shared_server.run("keys", "revoke", key["AWS_ACCESS_KEY_ID"])
    assert send(signed(shared_server, key, "GET", "/agents"))[0] == 401


def test_a_key_is_listed_without_its_secret(shared_server: Server) -> None:
    key = keys(shared_server)
    listed = shared_server.run("keys", "list")
    assert key["AWS_ACCESS_KEY_ID"] in listed and "sigv4" in listed
    assert key["AWS_SECRET_ACCESS_KEY"] not in listed
    kept = b"".join(path.read_bytes() for path in (shared_server.folder / "data").rglob("*") if path.is_file())
    assert key["AWS_SECRET_ACCESS_KEY"].encode() not in kept
