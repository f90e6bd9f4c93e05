"""Environments, templates, artifacts, traces and subagents, with the official SDK."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import openai
from openai import OpenAI

from conftest import LOOKUP, Server, call, new_session, say


def write(path: str, content: str) -> dict[str, Any]:
    return call("write_file", path=path, content=content)


def run(client: OpenAI, session: str, *steps: dict[str, Any]) -> Any:
    handlers = {"lookup": lambda arguments: "one"}
    stream = client.beta.agents.sessions.stream(session, input=say(*steps), tool_handlers=handlers)
    with stream as events:
        events.with_result_collection()
        return events.get_final_result()


def test_templates_are_kept_changed_and_deleted(client: OpenAI) -> None:
    templates = client.beta.agents.environments.templates
    made = templates.create(
        name="Box",
        env={"TOKEN": "a-secret"},
        files=[{"type": "inline", "path": "/workspace/a.txt", "data": "YQ=="}],
        network={"access": "restricted", "allowed_domains": ["example.com"]},
        packages={"python": ["requests"]},
        setup_commands=[{"command": "echo a-secret"}],
        skills=[{"type": "skill_reference", "skill_id": "skill_1", "version": "latest"}],
    )
    assert made.object == "agent.environment.template"
    assert "a-secret" not in made.to_json()
    assert templates.retrieve(made.id) == made
    changed = templates.update(made.id, name=None, packages={"npm": ["left-pad"]})
    assert changed.name is None
    assert (changed.packages.npm, changed.packages.python) == (["left-pad"], [])
    assert changed.network == made.network
    others = [templates.create(name=f"Box {number}").id for number in range(3)]
    listed = [template.id for template in templates.list(limit=2)]
    assert [one for one in listed if one in others] == list(reversed(others))
    assert templates.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        templates.retrieve(made.id)
    for template in templates.list():
        templates.delete(template.id)


def test_what_an_environment_cannot_be_is_refused_by_name(client: OpenAI) -> None:
    environments = client.beta.agents.environments
    with pytest.raises(openai.BadRequestError) as refused:
        environments.create(environment={"type": "openai_hosted"})
    assert (refused.value.code, refused.value.param) == ("unsupported", "environment")
    for settings, code, param in [
        ({"desktop": {"enabled": True}}, "unsupported", "environment.desktop"),
        ({"environment_id": "env_1"}, "unsupported", "environment.environment_id"),
        ({"environment_template_id": "none"}, "not_found", "environment.environment_template_id"),
        ({"tier": "container"}, "invalid_parameter", "environment.tier"),
        ({"cpus": 0}, "invalid_parameter", "environment.cpus"),
    ]:
        environment: Any = {"type": "openai_hosted", **settings}
        with pytest.raises(openai.APIStatusError) as wrong:
            client.beta.agents.sessions.create(environment=environment, agent={"model": "scripted"})
        assert (wrong.value.code, wrong.value.param) == (code, param)
    with pytest.raises(openai.NotFoundError):
        environments.retrieve("env_1")
    with pytest.raises(openai.NotFoundError):
        list(environments.files.list("env_1"))
    with pytest.raises(openai.NotFoundError):
        environments.files.create("env_1", type="inline", path="/workspace/a", data="YQ==")


def test_artifacts_outlive_the_file_and_the_server(server: Server, tmp_path: Path) -> None:
    client = server.client()
    session = new_session(client, tools=[{"type": "files"}])
    result = run(
        client,
        session,
        {"calls": [write("artifacts/report.md", "# Draft"), write("notes.md", "x")]},
        {"calls": [write("artifacts/report.md", "# Report ü")]},
        {"text": "Written."},
    )
    artifacts = client.beta.agents.sessions.artifacts
    left = artifacts.for_result(result)
    path = "/workspace/artifacts/report.md"
    assert left.content(path).text == "# Report ü"
    run(client, session, {"calls": [write("artifacts/report.md", "# Another")]}, {"text": "Again."})
    server.restart()
    client = server.client()
    artifacts = client.beta.agents.sessions.artifacts
    saved = artifacts.for_result(result).download(path, to=tmp_path / "report.md")
    assert (tmp_path / "report.md").read_text() == "# Report ü"
    assert (saved.size_bytes, saved.turn_id) == (len("# Report ü".encode()), result.turn_id)
    listed = list(artifacts.list(session, limit=1))
    assert [artifact.path for artifact in listed] == [path, path]
    assert artifacts.retrieve(listed[0].id, session_id=session) == listed[0]
    assert artifacts.delete(listed[0].id, session_id=session).deleted
    assert [artifact.id for artifact in artifacts.list(session)] == [listed[1].id]
    with pytest.raises(openai.NotFoundError):
        artifacts.content(listed[0].id, session_id=session)


def test_a_turn_is_a_trace(loose_client: OpenAI) -> None:
    client = loose_client
    session = new_session(client, tools=[LOOKUP])
    result = run(
        client, session, {"text": "Looking.", "calls": [call("lookup", id=1)]}, {"text": "Done."}
    )
    run(client, session, {"text": "Again."})
    traces = list(client.beta.agents.sessions.traces.list(session, order="asc", limit=1))
    assert [trace.session_id for trace in traces] == [session, session]
    assert traces[0].id == result.turn_id
    spans: Any = json.loads(traces[0].to_json())["otlp"]["resourceSpans"][0]["scopeSpans"][0]["spans"]
    names = [span["name"] for span in spans]
    assert names == [
        "chat scripted",
        "execute_tool lookup",
        "step 1",
        "chat scripted",
        "step 2",
        names[-1],
    ]
    assert names[-1].startswith("invoke_agent ")
    assert len({span["traceId"] for span in spans}) == 1
    known = {span["spanId"] for span in spans}
    assert all(span["parentSpanId"] in known for span in spans[:-1])
    again = client.beta.agents.sessions.traces.list(session, order="asc", limit=1).data[0]
    assert again == traces[0]


def test_there_are_no_subagents(client: OpenAI) -> None:
    session = new_session(client)
    subagents = client.beta.agents.sessions.subagents
    assert list(subagents.list(session)) == []
    for missing in (
        lambda: subagents.retrieve("sub_1", session_id=session),
        lambda: list(subagents.items.list("sub_1", session_id=session)),
        lambda: list(subagents.turns.list("sub_1", session_id=session)),
        lambda: subagents.turns.retrieve("turn_1", session_id=session, subagent_id="sub_1"),
    ):
        with pytest.raises(openai.NotFoundError):
            missing()
