"""Small HTTP servers that tests talk to through Mainstay."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable


class Listener:
    """A server on a free port of this machine, unless `address` says another, that answers what `answer` says, until it is closed."""

    def __init__(
        self,
        answer: Callable[["Request"], tuple[int, dict[str, str], bytes]],
        answers_gets: bool = False,
        address: tuple[str, int] = ("127.0.0.1", 0),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                request = Request(self.path, dict(self.headers.items()), body)
                status, headers, answered = answer(request)
                with listener.changed:
                    listener.requests.append(request)
                    listener.changed.notify_all()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answered)))
                # A listener that is closed leaves nobody a connection to a thread of its own.
                self.send_header("connection", "close")
                self.end_headers()
                self.wfile.write(answered)

            def do_GET(self) -> None:
                if answers_gets:
                    return self.do_POST()
                self.send_response(405)
                self.send_header("content-length", "0")
                self.end_headers()

            def do_DELETE(self) -> None:
                self.send_response(405)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.requests: list[Request] = []
        self.changed = threading.Condition()
        self.server = ThreadingHTTPServer(address, Handler)
        self.host = "%s:%d" % (address[0], self.server.server_address[1])
        self.url = "http://" + self.host
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
            self.url = "https://" + self.host
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, count: int, timeout_seconds: float = 30) -> list["Request"]:
        """The requests so far, once there are `count`."""
        with self.changed:
            done = self.changed.wait_for(lambda: len(self.requests) >= count, timeout_seconds)
            assert done, f"{len(self.requests)} requests came, not {count}"
            return list(self.requests)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Request:
    """What came."""

    def __init__(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.path = path
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body

    def json(self) -> Any:
        return json.loads(self.body)


def mcp_server(token: Callable[[], str]) -> Listener:
    """An MCP server with one tool, `balance`, for whoever has the token."""

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        if request.headers.get("authorization") != "Bearer " + token():
            return 401, {"www-authenticate": "Bearer"}, b""
        message = request.json()
        if "id" not in message:
            return 202, {}, b""
        results = {
            "initialize": {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "ledger", "version": "1"},
            },
            "tools/list": {
                "tools": [{"name": "balance", "inputSchema": {"type": "object"}}],
            },
            "tools/call": {"content": [{"type": "text", "text": "42 EUR"}]},
        }
        answered: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        if message["method"] in results:
            answered["result"] = results[message["method"]]
        else:
            answered["error"] = {"code": -32601, "message": "method not found"}
        return 200, {"content-type": "application/json"}, json.dumps(answered).encode()

    return Listener(answer)
