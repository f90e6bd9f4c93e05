"""Many sessions with machines, less room than they need, and a server that is killed in the middle."""

from __future__ import annotations

import threading
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable

from openai import APIConnectionError, InternalServerError, OpenAI

from conftest import Server, World, call, say
from test_compute import outputs, shell, turn, until

SESSIONS = 6
TURNS = 4
KILLS = 3
#: Between two kills: long enough for machines to be made, short enough to hit calls.
PAUSE_S = 1.5


class Cramped(Server):
    """A server with room for half of the machines."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "MAINSTAY_COMPUTE__MAX_MACHINES": str(SESSIONS // 2)}


def persist(act: Callable[[], Any]) -> Any:
    """Tries again while the server is away."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return act()
        except (APIConnectionError, InternalServerError):
            assert time.monotonic() < deadline, "the server stays away"
            time.sleep(0.05)


def line(session: int, index: int) -> str:
    return f"{session}-{index}"


def drive(client: OpenAI, number: int, tier: str, made: dict[int, str]) -> None:
    """A user's loop: input, wait for the turn to end, input."""
    sessions = client.beta.agents.sessions
    environment = {"type": "openai_hosted", "tier": tier}
    agent = {"model": "scripted", "mainstay": {"unknown_outcome": "report"}}
    keyed = {"Idempotency-Key": f"session-{number}"}
    body = {"agent": agent, "environment": environment}
    made[number] = session = persist(
        lambda: sessions.create(
            agent={"model": "scripted"},
            environment={"type": "openai_hosted"},
            extra_body=body,
            extra_headers=keyed,
        )
    ).id
    for index in range(TURNS):
        command = f"echo {line(number, index)} >> log; sleep 0.3"
        script = say({"calls": [call("shell", command=command)]}, {"text": "Done."})
        content = [{"type": "input_text", "text": script}]
        message: Any = {"type": "agent.session.input.message", "input": [{"role": "user", "content": content}]}
        keyed = {"Idempotency-Key": line(number, index)}
        persist(lambda: sessions.events.create(session, events=[message], extra_headers=keyed))

        def has_ended() -> bool:
            turns = persist(lambda: list(sessions.turns.list(session, limit=TURNS + 1)))
            assert len(turns) == index + 1, turns
            return all(one.status == "completed" for one in turns)

        until(f"turn {index} of session {number}", has_ended)


def test_machines_under_load_over_kills_run_nothing_twice(world: World, tmp_path: Path) -> None:
    server = Cramped(tmp_path, world)
    made: dict[int, str] = {}
    failures: list[BaseException] = []

    def user(number: int) -> None:
        try:
            with server.client(max_retries=0, timeout=30) as client:
                drive(client, number, "microvm" if number % 3 == 0 else "process", made)
        except BaseException as failure:
            failures.append(failure)

    users = [threading.Thread(target=user, args=(number,)) for number in range(SESSIONS)]
    for one in users:
        one.start()
    for _ in range(KILLS):
        time.sleep(PAUSE_S)
        server.restart()
    for one in users:
        one.join()
    assert not failures, failures
    with server.client() as client:
        for number, session in made.items():
            check(client, number, session)
    # A session is taken up when it has something to do, and no more.
    assert recovered(server) <= SESSIONS * TURNS
    server.close()


def recovered(server: Server) -> int:
    key = (server.folder / "data" / "key").read_text().strip()
    headers = {"Authorization": f"Bearer {key}"}
    request = urllib.request.Request(server.url.removesuffix("/v1") + "/metrics", headers=headers)
    with urllib.request.urlopen(request) as answer:
        for metric in answer.read().decode().splitlines():
            name, _, value = metric.partition(" ")
            if name == "mainstay_sessions_recovered_total":
                return int(value)
    raise AssertionError("the metric is gone")


def check(client: OpenAI, number: int, session: str) -> None:
    """What ran is in the file once; what is not there was told to the model as not known or not run."""
    told = outputs(client, session)
    assert len(told) == TURNS, told
    [log] = turn(client, session, shell("cat log"))
    lines = [one for one in log.splitlines() if not one.startswith("[")]
    assert len(lines) == len(set(lines)), f"session {number} ran a command twice: {lines}"
    for index, output in enumerate(told):
        is_in_doubt = "the outcome of this call is unknown" in output or "was not run" in output
        # A machine that was lost before its turn was saved: the next call says how much is.
        is_lost = any("may be gone" in later or "calls made since" in later for later in [*told[index + 1 :], log])
        assert line(number, index) in lines or is_in_doubt or is_lost, (number, index, told, lines)
