"""What subagents may spend: shares of their parent's budget, which come back when they are closed."""

from __future__ import annotations

import json

from openai import OpenAI

from conftest import Server, call
from test_subagents import answer, create, run, subagents, wait

#: A provider with a price: five dollars for a million tokens.
PRICED = """
[[providers]]
name = "priced"
kind = "openai"
base_url = "{url}/v1"
api_key = {{ env = "OPENAI_API_KEY" }}
default = true

[[providers.models]]
name = "priced"
price = {{ input_microusd = 5_000_000, output_microusd = 5_000_000 }}
"""


def limit(client: OpenAI, session: str) -> int:
    """What a session may spend, in cents."""
    spend = client.beta.agents.sessions.retrieve(session).spend_control
    assert spend is not None and spend.limit is not None
    return spend.limit


def consumed(client: OpenAI, session: str) -> int:
    spend = client.beta.agents.sessions.retrieve(session).spend_control
    assert spend is not None and spend.consumed is not None
    return spend.consumed


def test_a_budget_is_shared_and_what_was_not_spent_comes_back(server: Server) -> None:
    settings = server.folder / "mainstay.toml"
    settings.write_text(PRICED.format(url=server.world.url))
    server.more["MAINSTAY_CONFIG"] = str(settings)
    server.restart()
    client = server.client()
    session = client.beta.agents.sessions.create(
        environment={"type": "none"},
        agent={
            "model": "priced",
            "tools": [{"type": "files"}],
            "multi_agent": {"enabled": True, "max_concurrent_subagents": 2},
        },
        spend_control={"limit": 100},
    ).id
    # Each step's context is longer than the one before by what was written.
    written = call("write_file", path="a.txt", content="word " * 40)
    spends = {"calls": [written], "repeat": 60}
    events = run(
        client,
        session,
        {"calls": [create(spends), create({"text": "Thrifty."})]},
        {"calls": [wait(0, 1)]},
        {"text": "{{2}}"},
    )
    told = {one["status"]: one for one in json.loads(answer(events))["subagents"]}
    assert "spend" in told["failed"]["error"], told
    assert told["completed"]["answer"] == "Thrifty."
    shares = [limit(client, one.id) for one in subagents(client, session)]
    # A third for each of two that may work at once, and a third for the parent.
    assert all(30 <= share <= 33 for share in shares), shares
    spendthrift = told["failed"]["subagent_id"]
    assert client.beta.agents.sessions.retrieve(spendthrift).status == "budget_reached"
    # What they spent is their parent's; it goes on, because it kept its own share.
    assert 30 <= consumed(client, spendthrift) < consumed(client, session) < 70
    assert client.beta.agents.sessions.retrieve(session).status == "idle"
    # One that is closed gives back what it did not spend: the next gets as much.
    again = [{"calls": [create({"text": "Done."})]}, {"calls": [wait(0)]}]
    closes = {"calls": [call("close_subagent", subagent_id="{{0.subagent_id}}")]}
    run(client, session, *again, closes, {"text": "Closed."})
    run(client, session, *again, {"text": "Open."})
    run(client, session, *again, {"text": "Open."})
    *_, closed, follower, last = [limit(client, one.id) for one in subagents(client, session)]
    assert closed - 3 <= follower <= closed, (closed, follower, last)
    assert last < 0.7 * follower, (closed, follower, last)
    client.close()
