"""Chat Completions within a key's limit, and the journal of their day."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

import openai
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from conftest import Server, say
from test_subagents_budget import PRICED

MODEL = "priced"


def user(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def priced(server: Server) -> Server:
    settings = server.folder / "mainstay.toml"
    settings.write_text(PRICED.format(url=server.world.url))
    server.more["MAINSTAY_CONFIG"] = str(settings)
    server.restart()
    return server


def new_key(server: Server, *options: str) -> tuple[str, str]:
    """A key's id and its secret."""
    secret = server.run("keys", "create", "--name", "limited", *options).strip()
    return shown(server, "limited")["id"], secret


def shown(server: Server, name: str) -> dict[str, Any]:
    keys = [json.loads(line) for line in server.run("keys", "list", "--json").splitlines()]
    return next(key for key in keys if key["name"] == name)


def get(server: Server, path: str, key: str | None = None) -> httpx.Response:
    if key is None:
        key = server.run("keys", "create", "--name", "reader", "--admin").strip()
    return httpx.get(server.url + path, headers={"authorization": f"Bearer {key}"})


def entries(server: Server) -> list[dict[str, Any]]:
    """What the newest day's journal holds, as the command line exports it."""
    journal = json.loads(server.run("journal", "list", "--json").splitlines()[0])["id"]
    return [json.loads(line) for line in server.run("journal", "export", journal).splitlines()]


def verified(server: Server) -> str:
    journal = json.loads(server.run("journal", "list", "--json").splitlines()[0])["id"]
    return server.run("journal", "verify", journal)


def facts(server: Server, kind: str) -> list[dict[str, Any]]:
    return [entry["payload"] for entry in entries(server) if entry["kind"] == kind]


def test_a_completion_leaves_two_entries(server: Server) -> None:
    with priced(server).client() as client:
        whole = client.chat.completions.create(model=MODEL, messages=user(say({"text": "Whole."})))
        chunks = list(
            client.chat.completions.create(
                model=MODEL,
                messages=user(say({"text": "In pieces.", "pieces": 3})),
                stream=True,
            )
        )
    requested, ended = facts(server, "chat.requested"), facts(server, "chat.ended")
    assert [fact["completion"] for fact in requested] == [whole.id, chunks[0].id]
    assert [fact["completion"] for fact in ended] == [whole.id, chunks[0].id]
    assert [fact["outcome"] for fact in ended] == ["completed", "completed"]
    assert whole.usage and ended[0]["usage"]["input_tokens"] == whole.usage.prompt_tokens
    assert ended[0]["usage"]["cost_microusd"] > 0
    assert not any("Whole." in json.dumps(entry) for entry in entries(server))
    assert "verified: 5 entries" in verified(server)
    # Read over HTTP by administrators alone, and by their names alone.
    journals = get(server, "/chat/journals").json()["data"]
    assert get(server, f"/chat/journals/{journals[0]['id']}").json()["last_seq"] == 5
    assert get(server, f"/chat/journals/{journals[0]['id']}", server.key).status_code == 403
    assert get(server, "/chat/journals/chat:other:" + journals[0]["day"]).status_code == 404
    # The folder has the same, and what verifies it.
    head = verified(server)
    server.kill()
    assert verified(server) == head
    server.start()


def test_a_kill_in_the_middle_of_a_stream_is_settled_at_the_next_start(server: Server) -> None:
    key, secret = new_key(priced(server), "--spend-limit", "1", "--spend-period", "day")
    script = say({"text": "word " * 1000, "pieces": 1000, "piece_delay_ms": 100})
    with OpenAI(base_url=server.url, api_key=secret, max_retries=0) as client:
        done = client.chat.completions.create(model=MODEL, messages=user(say({"text": "ok"})))
        stream = client.chat.completions.create(
            model=MODEL, messages=user(script), max_tokens=2000, stream=True
        )
        assert any(chunk.choices[0].delta.content for chunk in stream)
        reserved = shown(server, "limited")["spend_limit"]["reserved_usd"]
        assert reserved > 0.01, "two thousand tokens cost a cent"
        server.kill()
        with pytest.raises((openai.APIConnectionError, httpx.HTTPError)):
            list(stream)
    server.start()
    deadline = time.monotonic() + 30
    while len(facts(server, "chat.ended")) < 2:
        assert time.monotonic() < deadline, "the call is not settled"
        time.sleep(0.05)
    ended = facts(server, "chat.ended")
    assert [fact["outcome"] for fact in ended] == ["completed", "unknown"]
    assert ended[0]["completion"] == done.id
    spend = shown(server, "limited")["spend_limit"]
    assert spend["reserved_usd"] == 0
    costs = ended[0]["usage"]["cost_microusd"] / 1e6
    assert spend["spent_usd"] == pytest.approx(reserved + costs)
    verified(server)


def test_a_limit_that_is_reached_is_final_until_it_is_raised(server: Server) -> None:
    key, secret = new_key(priced(server), "--spend-limit", "0.004", "--spend-period", "month")
    requests: list[httpx.Request] = []
    http = httpx.Client(event_hooks={"request": [requests.append]})
    client = OpenAI(base_url=server.url, api_key=secret, http_client=http, max_retries=3)

    def ask(**options: Any) -> str | None:
        answer = client.chat.completions.create(
            model=MODEL, messages=user(say({"text": "ok"})), max_tokens=200, **options
        )
        return answer.choices[0].message.content

    assert ask() == "ok"
    with pytest.raises(openai.ConflictError, match="spend limit is reached") as refused:
        while True:
            ask()
    assert refused.value.code == "budget_reached"
    requests.clear()
    for stream in (False, True):
        with pytest.raises(openai.ConflictError):
            ask(stream=stream)
    assert len(requests) == 2, "a refusal is not tried again"
    spend = shown(server, "limited")["spend_limit"]
    assert 0 < spend["spent_usd"] <= 0.004 and spend["reserved_usd"] == 0
    # It survives a kill, and a raised limit goes on from there.
    server.kill()
    assert shown(server, "limited")["spend_limit"] == spend
    server.start()
    with pytest.raises(openai.ConflictError):
        ask()
    server.run("keys", "update", key, "--spend-limit", "1", "--spend-period", "month")
    assert ask() == "ok"
    server.run("keys", "update", key, "--no-spend-limit")
    assert shown(server, "limited")["spend_limit"] is None
    assert ask() == "ok"
    client.close()


def test_calls_side_by_side_never_pass_the_limit(server: Server) -> None:
    _, secret = new_key(priced(server), "--spend-limit", "0.02", "--spend-period", "total")
    with OpenAI(base_url=server.url, api_key=secret, max_retries=0) as client:

        def ask(number: int) -> bool:
            script = say({"text": f"{number} " * 300, "pieces": 30, "piece_delay_ms": 5})
            try:
                answer = client.chat.completions.create(
                    model=MODEL, messages=user(script), max_tokens=400, stream=number % 2 == 0
                )
                # Some leave, some read to the end.
                if isinstance(answer, openai.Stream):
                    answer.close() if number % 4 == 0 else list(answer)
            except openai.ConflictError as refused:
                assert refused.code == "budget_reached"
                return False
            return True

        with ThreadPoolExecutor(16) as pool:
            answered = list(pool.map(ask, range(48)))
    assert any(answered) and not all(answered)
    deadline = time.monotonic() + 30
    while len(facts(server, "chat.ended")) < sum(answered):
        assert time.monotonic() < deadline, "streams that were left have ended"
        time.sleep(0.05)
    counted = sum(fact["counted_microusd"] for fact in facts(server, "chat.ended"))
    spend = shown(server, "limited")["spend_limit"]
    assert spend["spent_usd"] == pytest.approx(counted / 1e6)
    assert counted <= 20_000, "no more than two cents"
    verified(server)
