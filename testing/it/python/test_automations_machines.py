"""Automations whose sessions have machines, with the official SDK."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from openai import APIStatusError, NotFoundError, OpenAI

from conftest import Server, say
from test_automations import new_session_target, settled
from test_compute import outputs, rest, shell, until

SECRET, NEXT_SECRET = "token-of-automations-4711", "token-of-automations-4712"


def target(script: str, **environment: Any) -> dict[str, Any]:
    own = {"type": "openai_hosted", "tier": "process", **environment}
    return {**new_session_target(script), "environment": own}


def new_automation(client: OpenAI, script: str, **environment: Any) -> Any:
    """One that runs when it is asked to."""
    return client.beta.agents.automations.create(
        type="periodic", name="report", expression="0 0 1 1 *", timezone="UTC",
        target=target(script, **environment),  # type: ignore[arg-type]
    )


def run(client: OpenAI, automation: str) -> str:
    """The session of an invocation that is asked for."""
    invocations = client.beta.agents.automations.invocations
    made = invocations.create(automation)
    until("the invocation", lambda: invocations.retrieve(made.id, automation_id=automation).status != "queued")
    done = invocations.retrieve(made.id, automation_id=automation)
    assert done.status == "completed" and done.session_id, done.to_json()
    rest(client, done.session_id)
    return done.session_id


def test_each_session_of_an_automation_has_a_machine_of_its_own(server: Server) -> None:
    look = say({"calls": [shell("cat seed made; echo $FROM $TOKEN; ls mine; echo x > mine")]}, {"text": "Done."})
    with server.client(_strict_response_validation=True) as client:
        templates = client.beta.agents.environments.templates
        template = templates.create(env={"FROM": "the template"})
        made = new_automation(
            client,
            look,
            environment_template_id=template.id,
            env={"TOKEN": SECRET},
            files=[{"type": "inline", "path": "/workspace/seed", "data": base64.b64encode(b"seed\n").decode()}],
            setup_commands=[{"command": f"echo made > made; test $TOKEN = {SECRET}"}],
        )
        shown = made.target.environment
        assert (shown.type, shown.environment_template_id, shown.network) == ("openai_hosted", template.id, None)
        assert [(file.path, file.size_bytes) for file in shown.files] == [("/workspace/seed", 5)]
        automations = client.beta.agents.automations
        for answered in (made, automations.retrieve(made.id), automations.list().data[0]):
            assert answered == made and SECRET not in answered.to_json()
        # The second finds nothing of the first.
        sessions = [run(client, made.id) for _ in range(2)]
        for session in sessions:
            (seen,) = outputs(client, session)
            assert seen.startswith(f"seed\nmade\nthe template {SECRET}\n") and "No such file" in seen, seen
            assert client.beta.agents.sessions.retrieve(session).environment.type == "openai_hosted"
        assert {machine.name for machine in server.machines()} == set(sessions)
        for invocation in automations.invocations.list(made.id):
            assert SECRET not in invocation.to_json()
        # Saying the same again changes nothing.
        same = automations.update(made.id, name="report")
        assert same == made

    server.kill()
    assert "1 environment templates, 1 automations," in server.run("vaults", "rekey")
    (server.folder / "data/vault.retired").rename(server.folder / "kept")
    server.start()
    with server.client() as client:
        client.beta.agents.environments.templates.update(template.id, env={"FROM": "the changed template"})
        # Only the newest key is there: what this one needs is under it.
        (seen,) = outputs(client, run(client, made.id))
        assert seen.startswith(f"seed\nmade\nthe changed template {SECRET}\n"), seen
        automations = client.beta.agents.automations
        changed = automations.update(made.id, target=target(look, env={"TOKEN": NEXT_SECRET, "FROM": "here"}))
        assert changed.target.type == "new_session" and changed.target.environment.files is None  # type: ignore[union-attr]
        (seen,) = outputs(client, run(client, made.id))
        assert f"here {NEXT_SECRET}\n" in seen and "seed\n" not in seen, seen
        assert automations.delete(made.id).deleted
        with pytest.raises(NotFoundError):
            list(automations.invocations.list(made.id))
        for machine in server.machines():
            client.beta.agents.sessions.delete(machine.name)
        until("the machines to go", lambda: not server.machines())


def test_a_run_goes_on_over_a_kill(server: Server) -> None:
    slow = say({"calls": [shell("echo begun >> log; until [ -e go ]; do sleep 0.1; done; cat log")]}, {"text": "Done."})
    with server.client() as client:
        made = new_automation(client, slow)
        client.beta.agents.automations.invocations.create(made.id)
    # Killed as soon as it is asked for, and again once its command runs.
    server.restart()
    with server.client() as client:
        (ran,) = settled(client, made.id, 1)
        environment = client.beta.agents.sessions.retrieve(ran.session_id).environment
        files = client.beta.agents.environments.files
        until("its command", lambda: any(file.path.endswith("/log") for file in files.list(environment.id)))
    server.restart()
    with server.client() as client:
        client.beta.agents.environments.files.create(environment.id, type="inline", path="/workspace/go", data="")
        rest(client, ran.session_id)
        assert outputs(client, ran.session_id) == ["begun\n"]
        assert [session.id for session in client.beta.agents.sessions.list()] == [ran.session_id]


def test_what_an_environment_cannot_be_is_refused_when_it_is_set_up(server: Server) -> None:
    with server.client() as client:
        for settings, code, param in [
            ({"desktop": {"enabled": True}}, "unsupported", "environment.desktop"),
            ({"environment_template_id": "none"}, "not_found", "environment.environment_template_id"),
            ({"tier": "container"}, "invalid_parameter", "environment.tier"),
            ({"image": "none"}, "invalid_parameter", "environment"),
        ]:
            with pytest.raises(APIStatusError) as refused:
                new_automation(client, "x", **settings)
            assert (refused.value.code, refused.value.param) == (code, f"target.{param}")
        # What was there then, and is not any more, fails the run by name.
        template = client.beta.agents.environments.templates.create()
        made = new_automation(client, "x", environment_template_id=template.id)
        client.beta.agents.environments.templates.delete(template.id)
        client.beta.agents.automations.invocations.create(made.id)
        (ran,) = settled(client, made.id, 1)
        assert ran.status == "failed" and template.id in ran.to_json(), ran.to_json()
        # A machine of the client's own.
        own: Any = {"type": "self_hosted", "workspace_directory": "/srv/project"}
        made = client.beta.agents.automations.create(
            type="periodic", name="own", expression="0 0 1 1 *", timezone="UTC",
            target={**new_session_target(say({"text": "Done."})), "environment": own},  # type: ignore[arg-type]
        )
        assert made.target.environment.workspace_directory == "/srv/project"  # type: ignore[union-attr]
        environment = client.beta.agents.sessions.retrieve(run(client, made.id)).environment
        assert environment.type == "self_hosted" and environment.workspace_directory == "/srv/project"
