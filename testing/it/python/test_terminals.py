"""Terminals: clients that break the rules of WebSockets, and everything that may end one."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from typing import Any
from urllib.parse import quote

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from conftest import Server
from test_compute import TIERS, kill_machines, new_machine, until
from test_sandboxes import Operator, operations, operator  # noqa: F401

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9
#: What a server reads of one message.
MAX_MESSAGE_BYTES = 65_536


def frame(kind: int, payload: bytes, is_last: bool = True, is_masked: bool = True, reserved: int = 0) -> bytes:
    """A frame as a client may send it, and as it may not."""
    first = (0x80 if is_last else 0) | reserved << 4 | kind
    mask = 0x80 if is_masked else 0
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, mask | size)
    elif size < 65_536:
        head = struct.pack("!BBH", first, mask | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask | 127, size)
    # Masked with zeros, it is as it was.
    return head + (bytes(4) if is_masked else b"") + payload


#: What is sent, and the code of the close frame that comes back.
HOSTILE: dict[str, tuple[bytes, int]] = {
    "a frame that is too large": (frame(BINARY, bytes(MAX_MESSAGE_BYTES + 1)), 1009),
    "a frame that says it is larger than any memory": (struct.pack("!BBQI", 0x82, 0xFF, 1 << 62, 0), 1009),
    "a message of endless fragments": (
        frame(BINARY, bytes(16_000), is_last=False) + 40 * frame(0, bytes(16_000), is_last=False),
        1009,
    ),
    "text that is no JSON": (frame(TEXT, b'{"type": "resize", "columns"'), 1008),
    "text that is no message": (frame(TEXT, b'{"type": "shout"}'), 1008),
    "a size that is none": (frame(TEXT, b'{"type": "resize", "columns": -1, "rows": 1}'), 1008),
    "a member that is not known": (frame(TEXT, b'{"type": "resize", "columns": 1, "rows": 1, "sudo": 1}'), 1008),
    "text that is not UTF-8": (frame(TEXT, b"\xff\xfe"), 1007),
    "a frame without a mask": (frame(BINARY, b"ls\r", is_masked=False), 1002),
    "a kind of frame that there is not": (frame(3, b"?"), 1002),
    "a bit that means nothing": (frame(BINARY, b"ls\r", reserved=4), 1002),
    "a fragment of nothing": (frame(0, b"ls\r"), 1002),
    "a message within a message": (frame(BINARY, b"l", is_last=False) + frame(BINARY, b"s\r"), 1002),
    "a ping in parts": (frame(PING, b"?", is_last=False), 1002),
    "a ping that is too long": (frame(PING, bytes(126)), 1002),
}


class Terminal:
    """A terminal over a WebSocket of ours."""

    def __init__(self, operator: Operator, session: str, command: str) -> None:
        url = operator.server.url.replace("http:", "ws:")
        self.socket: ClientConnection = connect(
            f"{url}/sandboxes/{session}/terminal?command={quote(command)}",
            additional_headers={"Authorization": f"Bearer {operator.key}"},
            open_timeout=120,
            # What is said of an end is looked at, not answered.
            ping_interval=None,
            max_size=None,
        )
        self.shown = ""
        #: Of the close frame.
        self.reason = ""

    def read_until(self, text: str) -> None:
        while text not in self.shown:
            piece = self.socket.recv(timeout=60)
            assert isinstance(piece, bytes), piece
            self.shown += piece.decode(errors="replace")

    def send_raw(self, data: bytes) -> None:
        """As it is; a server that has closed meanwhile reads no more."""
        with contextlib.suppress(OSError):
            self.socket.socket.sendall(data)

    def end(self) -> tuple[int | None, dict[str, Any]]:
        """The code of the close frame, if one came, and the last message."""
        last: dict[str, Any] = {}
        try:
            while True:
                message = self.socket.recv(timeout=60)
                if isinstance(message, str):
                    last = json.loads(message)
        except ConnectionClosed as closed:
            self.reason = closed.rcvd.reason if closed.rcvd else ""
            return (closed.rcvd.code if closed.rcvd else None), last


def last_end(operator: Operator, session: str, count: int) -> dict[str, Any]:
    """What the journal says of the newest of so many operations that ended."""
    until("its end", lambda: operations(operator, session).count("exec_ended") == count)
    return operator.journal(session)[-1]["payload"]["operation"]


def is_at_rest(operator: Operator, session: str) -> bool:
    """Whether nothing runs in the machine that a terminal began, which can be used."""
    done = operator.ask("POST", f"/sandboxes/{session}/exec", {"command": ["pgrep", "-x", "sleep"]})
    assert done.get("exit_code") in (0, 1), done
    return done["exit_code"] == 1


BUSY = "echo up; exec sleep 777"


def test_clients_that_break_the_rules_are_told_and_leave_nothing(server: Server, operator: Operator) -> None:
    with server.client() as client:
        session = new_machine(client, "process")
    for count, (what, (sent, code)) in enumerate(HOSTILE.items(), start=1):
        terminal = Terminal(operator, session, BUSY)
        terminal.read_until("up")
        terminal.send_raw(sent)
        told, last = terminal.end()
        assert told == code, (what, told, last)
        written = last_end(operator, session, count)["error"]
        assert terminal.reason and written.startswith(terminal.reason), (what, terminal.reason, written)
        # The message before it is lost on a client that cannot say good-bye, because it is still sending.
        assert last in ({}, {"type": "error", "message": written}), (what, last)
    until("what ran on them to end", lambda: is_at_rest(operator, session))


@pytest.mark.parametrize("tier", TIERS)
def test_a_terminal_takes_what_is_odd_and_goes_on(server: Server, operator: Operator, tier: str) -> None:
    with server.client() as client:
        session = new_machine(client, tier)
    terminal = Terminal(operator, session, "stty -echo; echo up; exec bash --norc")
    terminal.read_until("up")
    # Many sizes: the last one holds, and what is typed behind them is read.
    sizes = [{"type": "resize", "columns": 1 + n % 300, "rows": 1 + n % 100} for n in range(20_000)]
    sizes.append({"type": "resize", "columns": 123, "rows": 45})
    terminal.send_raw(b"".join(frame(TEXT, json.dumps(size).encode()) for size in sizes))
    typed = b"until [ \"$(stty size)\" = '45 123' ]; do sleep 0.05; done; echo si''zed\r"
    # Parts, empty ones too, with a ping between them, are one message; a size as bytes is typed.
    terminal.send_raw(b"".join(frame(BINARY if n == 0 else 0, typed[n : n + 9], is_last=False) for n in range(0, len(typed), 9)))
    terminal.send_raw(frame(PING, b"?") + frame(0, b"", is_last=False) + frame(0, b""))
    terminal.read_until("sized")
    terminal.send_raw(frame(BINARY, b'{"type": "resize", "columns": 1, "rows": 1}; stty size\r'))
    terminal.read_until("45 123")
    # A client that vanishes in the middle of a frame.
    terminal.send_raw(frame(BINARY, bytes(60_000))[:30_000])
    terminal.socket.socket.shutdown(socket.SHUT_RDWR)
    terminal.socket.socket.close()
    assert last_end(operator, session, 1)["error"] == "the operator left"
    # And one that says good-bye in the middle of a message.
    terminal = Terminal(operator, session, BUSY)
    terminal.read_until("up")
    terminal.send_raw(frame(BINARY, b"echo", is_last=False) + frame(CLOSE, struct.pack("!H", 1000)))
    assert terminal.end()[0] == 1000
    assert last_end(operator, session, 2)["error"] == "the operator left"
    until("what ran on them to end", lambda: is_at_rest(operator, session))


@pytest.mark.parametrize("tier", TIERS)
def test_how_a_terminal_ends_is_told(server: Server, operator: Operator, tier: str) -> None:
    with server.client() as client:
        session = new_machine(client, tier)
    ends = {
        "exit 7": {"type": "ended", "exit_code": 7},
        "echo up; kill -9 $$": {"type": "ended", "signal": 9},
    }
    for count, (command, said) in enumerate(ends.items(), start=1):
        assert Terminal(operator, session, command).end() == (1000, said)
        assert "error" not in last_end(operator, session, count)
    # Whatever kills its program from elsewhere.
    terminal = Terminal(operator, session, BUSY)
    terminal.read_until("up")
    operator.ask("POST", f"/sandboxes/{session}/exec", {"command": ["pkill", "-KILL", "-x", "sleep"]})
    assert terminal.end() == (1000, {"type": "ended", "signal": 9})

    terminal = Terminal(operator, session, BUSY)
    terminal.read_until("up")
    kill_machines(server)
    code, last = terminal.end()
    assert (code, last["type"]) == (1011, "error"), (code, last)
    assert last_end(operator, session, 5)["error"] == last["message"]
    # The next one has a machine again.
    terminal = Terminal(operator, session, BUSY)
    terminal.read_until("up")
    server.kill()
    assert terminal.end() == (None, {})
    server.start()
    assert last_end(operator, session, 6)["error"] == "the server ended while it was open"
    until("what ran on it to end", lambda: is_at_rest(operator, session))
