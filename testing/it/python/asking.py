"""MCP servers that ask people: for consent (OAuth), and for the members of a form."""

from __future__ import annotations

import base64
import hashlib
import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from listeners import Listener, Request, mcp_server

JSON = {"content-type": "application/json"}


class Guarded:
    """An MCP server with an authorization server of its own, which registers clients, checks PKCE and
    the resource, and rotates refresh tokens: each is good once."""

    def __init__(self) -> None:
        self.valid: set[str] = set()
        self.refresh: set[str] = set()
        self.codes: dict[str, dict[str, str]] = {}
        self.numbers = iter(range(1, 1000))
        self.expires_in = 3600
        self.lost: list[str] = []
        #: The clients that were registered, in their order, and those that are known.
        self.registered: list[str] = []
        self.clients: set[str] = set()
        #: How a client that is not known is refused: the status and the error, if one is said.
        self.unknown_client: tuple[int, str | None] = (401, "invalid_client")
        # What a token request waits for before its answer is sent.
        self.hold: threading.Event | None = None
        self.held = threading.Event()
        self.inner = mcp_server(lambda: next(iter(self.valid), "none"))
        self.listener = Listener(self.answer, answers_gets=True)
        self.url = self.listener.url + "/mcp"
        self.host = self.listener.host

    def answer(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        path, _, query = request.path.partition("?")
        base = self.listener.url
        if path == "/mcp":
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if given not in self.valid:
                where = f'{base}/.well-known/oauth-protected-resource/mcp'
                return 401, {"www-authenticate": f'Bearer resource_metadata="{where}"'}, b""
            return call_tools(request)
        if path == "/.well-known/oauth-protected-resource/mcp":
            return reply({"resource": self.url, "authorization_servers": [base],
                          "scopes_supported": ["read"]})
        if path == "/.well-known/oauth-authorization-server":
            return reply({
                "issuer": base,
                "authorization_endpoint": base + "/authorize",
                "token_endpoint": base + "/token",
                "registration_endpoint": base + "/register",
                "code_challenge_methods_supported": ["S256"],
                "response_types_supported": ["code"],
                "authorization_response_iss_parameter_supported": True,
            })
        if path == "/register":
            client = f"made-{len(self.registered) + 1}"
            self.registered.append(client)
            self.clients.add(client)
            return reply({"client_id": client, "redirect_uris": request.json()["redirect_uris"]})
        if path == "/authorize":
            return self.authorize(dict(parse_qsl(query)))
        if path == "/token":
            return self.token(dict(parse_qsl(request.body.decode())))
        return 404, {}, b""

    def authorize(self, asked: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        assert asked["code_challenge_method"] == "S256" and asked["resource"] == self.url, asked
        code = f"code-{next(self.numbers)}"
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.listener.url}
        return 302, {"location": asked["redirect_uri"] + "?" + urlencode(back)}, b""

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if form["client_id"] not in self.clients:
            status, error = self.unknown_client
            return status, JSON, json.dumps({"error": error}).encode() if error else b""
        if form["grant_type"] == "authorization_code":
            asked = self.codes.pop(form["code"])
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            assert challenge == asked["code_challenge"] and form["resource"] == self.url, form
        elif form["refresh_token"] not in self.refresh:
            return 400, JSON, b'{"error": "invalid_grant"}'
        else:
            self.refresh.remove(form["refresh_token"])
        number = next(self.numbers)
        access, refresh = f"access-token-{number}", f"refresh-token-{number}"
        self.valid = {access}
        self.refresh.add(refresh)
        if self.hold is not None:
            self.held.set()
            self.hold.wait(30)
        return reply({"access_token": access, "token_type": "Bearer", "refresh_token": refresh,
                      "expires_in": self.expires_in})

    def close(self) -> None:
        self.inner.close()
        self.listener.close()


def reply(value: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, JSON, json.dumps(value).encode()


def call_tools(request: Request) -> tuple[int, dict[str, str], bytes]:
    message = request.json()
    if "id" not in message:
        return 202, {}, b""
    answered: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
    results = {
        "initialize": initialized(),
        "tools/list": {"tools": [{"name": "balance", "inputSchema": {"type": "object"}}]},
        "tools/call": {"content": [{"type": "text", "text": "42 EUR"}]},
    }
    if message["method"] in results:
        answered["result"] = results[message["method"]]
    else:
        answered["error"] = {"code": -32601, "message": "method not found"}
    return reply(answered)


def initialized() -> dict[str, Any]:
    return {
        "protocolVersion": "2025-11-25",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "asking", "version": "1"},
    }


FORM = {
    "type": "object",
    "properties": {
        "amount": {"type": "integer", "minimum": 1},
        "currency": {"type": "string", "default": "EUR"},
    },
    "required": ["amount"],
}


class Eliciting:
    """An MCP server whose one tool asks the user for an amount in the middle of a call."""

    def __init__(self) -> None:
        server = self
        self.answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self.seen: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.numbers = iter(range(1, 1000))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if "method" not in message:
                    waiting = server.answers.get(message["id"])
                    if waiting:
                        waiting.put(message)
                    return self.end(202, b"")
                if message["method"] == "tools/call":
                    return self.call(message)
                results = {
                    "initialize": initialized(),
                    "tools/list": {"tools": [{"name": "pay", "inputSchema": {"type": "object"}}]},
                }
                if "id" not in message:
                    return self.end(202, b"")
                answered: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
                if message["method"] in results:
                    answered["result"] = results[message["method"]]
                else:
                    answered["error"] = {"code": -32601, "message": "method not found"}
                self.end(200, json.dumps(answered).encode())

            def call(self, message: dict[str, Any]) -> None:
                server.keys.append(message["params"]["_meta"]["mainstay/idempotency-key"])
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                self.close_connection = True
                number = next(server.numbers)
                waiting = server.answers[number] = queue.Queue()
                asked = {"message": "How much?", "requestedSchema": FORM}
                self.event({"jsonrpc": "2.0", "id": number, "method": "elicitation/create",
                            "params": asked})
                answer = waiting.get(timeout=30)
                if "error" in answer:
                    text, failed = "put off", True
                else:
                    server.seen.append(answer["result"])
                    text, failed = json.dumps(answer["result"], sort_keys=True), False
                result = {"content": [{"type": "text", "text": text}], "isError": failed}
                self.event({"jsonrpc": "2.0", "id": message["id"], "result": result})

            def event(self, message: dict[str, Any]) -> None:
                try:
                    self.wfile.write(b"data: " + json.dumps(message).encode() + b"\n\n")
                    self.wfile.flush()
                except OSError:
                    pass  # whoever asked went away

            def end(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.send_header("connection", "close")
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self.end(405, b"")

            do_DELETE = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = "127.0.0.1:%d" % self.server.server_address[1]
        self.url = f"http://{self.host}/mcp"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
