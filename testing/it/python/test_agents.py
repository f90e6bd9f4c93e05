"""Saved agents, with the official SDK."""

from __future__ import annotations

import pytest

from openai import NotFoundError, OpenAI

from conftest import LOOKUP


def test_an_agents_life(client: OpenAI) -> None:
    agents = client.beta.agents
    made = agents.create(
        model="scripted",
        name="Clerk",
        instructions="Be exact.",
        metadata={"team": "billing"},
        reasoning={"effort": "low"},
        tools=[LOOKUP],
    )
    assert agents.retrieve(made.id) == made
    assert (made.name, made.tools[0].type) == ("Clerk", "function")
    changed = agents.update(made.id, name="Bookkeeper", metadata=None)
    assert (changed.name, changed.metadata) == ("Bookkeeper", {})
    assert changed.instructions == "Be exact."
    gone = agents.delete(made.id)
    assert (gone.id, gone.deleted) == (made.id, True)
    with pytest.raises(NotFoundError):
        agents.retrieve(made.id)


def test_a_list_is_paged_through(client: OpenAI) -> None:
    agents = client.beta.agents
    made = [agents.create(model="scripted", name=f"number {n}").id for n in range(7)]
    found = [agent.id for agent in agents.list(limit=3) if agent.id in made]
    assert found == made[::-1]
    found = [agent.id for agent in agents.list(limit=3, order="asc") if agent.id in made]
    assert found == made


def test_a_session_keeps_the_agent_it_began_with(client: OpenAI) -> None:
    agent = client.beta.agents.create(model="scripted", name="Clerk")
    session = client.beta.agents.sessions.create(environment={"type": "none"}, agent_id=agent.id)
    client.beta.agents.update(agent.id, name="Bookkeeper")
    kept = client.beta.agents.sessions.retrieve(session.id).agent
    assert (kept.id, kept.name) == (agent.id, "Clerk")


def test_extension_tools_are_shown(loose_client: OpenAI) -> None:
    tools = [
        {"type": "files", "access": "read_only"},
        {"type": "http", "allowed_hosts": ["api.example"]},
        {"type": "openapi", "label": "shop", "spec_url": "https://shop.example/openapi.json"},
    ]
    made = loose_client.beta.agents.create(model="scripted", extra_body={"tools": tools})
    shown = [tool.to_dict() for tool in made.tools]
    assert [tool["type"] for tool in shown] == ["files", "http", "openapi"]
    assert shown[0]["access"] == "read_only"
