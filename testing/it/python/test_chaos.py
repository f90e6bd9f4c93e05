"""Many clients do anything at once while the server is killed again and again: what was acknowledged is
there once, every turn ends, every stream told each end once, and the journals are whole."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, TypeVar

import openai
import pytest
from openai import OpenAI

from conftest import LOOKUP, Server, call, say

WORKERS = 4
KILLS = 2
#: How much each client asks for between two kills.
OPERATIONS = 30
#: How long sessions may take to come to rest, and streams to tell it.
PATIENCE_S = 60

Answer = TypeVar("Answer")


def again(ask: Callable[[], Answer]) -> Answer:
    """Asks until the server is there and has room."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except (openai.APIConnectionError, openai.RateLimitError):
            assert time.monotonic() < deadline, "the server does not answer"
        except openai.InternalServerError as error:
            assert error.status_code == 503 and time.monotonic() < deadline, error
        time.sleep(0.05)


class Session:
    """A session, what was acknowledged of it, and what a stream told, over all kills."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.acknowledged: list[str] = []
        self.numbers: list[int] = []
        self.ended: Counter[str] = Counter()

    def follow(self, client: OpenAI, is_over: threading.Event) -> None:
        while not is_over.is_set():
            behind = {"starting_after": self.numbers[-1] if self.numbers else 0}
            try:
                with client.beta.agents.sessions.events.stream(self.id, extra_query=behind) as events:
                    for event in events:
                        self.take(event)
            except (openai.APIError, OSError):
                time.sleep(0.05)

    def take(self, event: Any) -> None:
        # Pieces of what is being written come again, behind the numbers that are kept.
        if not event.event_id.startswith("evt_item_"):
            self.numbers.append(event.sequence_number)
        if event.type.split(".")[-2:] in (["turn", "completed"], ["turn", "failed"], ["turn", "cancelled"]):
            self.ended[event.turn_id] += 1


class Chaos:
    """The clients, and what they know."""

    def __init__(self, server: Server, client: OpenAI, seed: int) -> None:
        self.server = server
        #: One for all: making one takes longer than anything that it asks for.
        self.client = client
        self.seed = seed
        self.sessions: list[Session] = []
        self.is_over = threading.Event()
        self.followers: list[threading.Thread] = []

    def opened(self, id: str) -> Session:
        session = Session(id)
        self.sessions.append(session)
        follower = threading.Thread(target=session.follow, args=(self.client, self.is_over), daemon=True)
        self.followers.append(follower)
        follower.start()
        return session

    def work(self, worker: int, round: int) -> None:
        dice = random.Random(f"{self.seed}/{worker}/{round}")
        mine: list[Session] = []
        for number in range(OPERATIONS):
            try:
                self.operate(dice, mine, f"{round}-{worker}-{number}")
            except openai.ConflictError:
                pass  # It needs another state than the session is in.

    def operate(self, dice: random.Random, mine: list[Session], name: str) -> None:
        sessions = self.client.beta.agents.sessions
        once: Any = {"Idempotency-Key": name}
        what = dice.random()
        if not mine or what < 0.1:
            agent: Any = {"model": "scripted", "tools": [LOOKUP, {"type": "files"}]}
            none: Any = {"type": "none"}
            made = again(lambda: sessions.create(agent=agent, environment=none, extra_headers=once))
            return mine.append(self.opened(made.id))
        session = dice.choice(mine)
        if what < 0.55:
            event = message(dice, name)
            again(lambda: sessions.events.create(session.id, events=[event], extra_headers=once))
            session.acknowledged.append(name)
        elif what < 0.75:
            answer_all(self.client, session.id)
        elif what < 0.82:
            cancel: Any = {"type": "agent.session.input.cancel"}
            again(lambda: sessions.events.create(session.id, events=[cancel], extra_headers=once))
        elif what < 0.88:
            path = f"/agents/sessions/{session.id}/fork"
            fork = again(lambda: self.client.post(path, cast_to=object, body={}, options={"headers": once}))
            mine.append(self.opened(fork["id"]))  # type: ignore[index]
        else:
            again(lambda: sessions.items.list(session.id, order=dice.choice(["asc", "desc"]), limit=3))

    def settle(self) -> None:
        """Everything that waits is answered, until all rest."""
        deadline = time.monotonic() + PATIENCE_S
        for session in self.sessions:
            while answer_all(self.client, session.id) != "idle":
                assert time.monotonic() < deadline, f"{session.id} does not rest"
                time.sleep(0.02)

    def check(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        sessions = self.client.beta.agents.sessions
        for session in self.sessions:
            said = [text(item) for item in sessions.items.list(session.id, limit=100)]
            for name in session.acknowledged:
                assert sum(f'"{name} ' in it for it in said) == 1, (session.id, name)
            turns = {turn.id for turn in sessions.turns.list(session.id, limit=100)}
            while set(session.ended) != turns:
                assert time.monotonic() < deadline, (session.id, turns ^ set(session.ended))
                time.sleep(0.02)
            assert set(session.ended.values()) <= {1}, session.ended
            assert session.numbers == sorted(set(session.numbers)), session.id
            self.server.run("journal", "verify", session.id)


def message(dice: random.Random, name: str) -> Any:
    steps: list[dict[str, Any]] = []
    for _ in range(dice.randint(0, 3)):
        steps.append(
            dice.choice(
                [
                    {"calls": [call("lookup", id=dice.randint(1, 9)) for _ in range(dice.randint(1, 3))]},
                    {"calls": [call("files", op="write", path="a.txt", content="x" * dice.randint(1, 2_000))]},
                    {"calls": [{"name": "lookup", "arguments": "not json"}], "delay_ms": 5},
                    {"calls": [call("nobody")], "fault": {"kind": "cut", "times": 1}},
                    {"calls": [call("files", op="read", path="a.txt")], "fault": {"kind": "garbage", "times": 1}},
                ]
            )
        )
    steps.append({"text": f"{name} is done", "pieces": dice.randint(1, 6), "piece_delay_ms": dice.choice([0, 3, 20])})
    content = [{"type": "input_text", "text": say(*steps)}]
    event: dict[str, Any] = {
        "type": "agent.session.input.message",
        "input": [{"role": "user", "content": content}],
    }
    if dice.random() < 0.5:
        event["mode"] = "queue"
    return event


def text(item: Any) -> str:
    """What a person said in an item; nothing in another."""
    is_said = item.type == "message" and item.role == "user"
    return "".join(part.text for part in item.content) if is_said else ""


def answer_all(client: OpenAI, session: str) -> str:
    """Brings the results that a session waits for; answers how it stood before."""
    sessions = client.beta.agents.sessions
    found = again(lambda: sessions.retrieve(session))
    for action in found.required_actions or []:
        assert action.type == "function_call", action
        event: Any = {
            "type": "agent.session.input.tool_result",
            "turn_id": action.turn_id,
            "call_id": action.call_id,
            "success": True,
            "output": "Ada",
        }
        try:
            again(lambda: sessions.events.create(session, events=[event]))
        except openai.ConflictError:
            pass  # It was answered meanwhile, or its turn was cancelled.
    return found.status


@pytest.mark.timeout(240)
def test_whatever_clients_do_while_the_server_dies(server: Server) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    with server.client(max_retries=0, timeout=10) as client, ThreadPoolExecutor(WORKERS) as workers:
        chaos = Chaos(server, client, seed)
        for round in range(KILLS + 1):
            work = [workers.submit(chaos.work, worker, round) for worker in range(WORKERS)]
            if round < KILLS:
                while not any(one.done() for one in work):
                    time.sleep(0.02)
                server.restart()
            for one in work:
                one.result()
        chaos.settle()
        chaos.check()
        # The end of the server is the end of its streams.
        chaos.is_over.set()
        server.kill()
        for follower in chaos.followers:
            follower.join()
    assert sum(len(session.acknowledged) for session in chaos.sessions) > OPERATIONS
