"""The programs of `examples/`, run as their README says."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from conftest import ROOT, Server, World, call, say

EXAMPLES = ROOT / "examples"


def run(server: Server, name: str, *arguments: str, given: str = "") -> str:
    """What an example prints."""
    program = ["sh"] if name.endswith(".sh") else [sys.executable]
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "OPENAI_BASE_URL": server.url,
        "OPENAI_API_KEY": server.key,
        "MODEL": "scripted",
    }
    done = subprocess.run(
        [*program, str(EXAMPLES / name), *arguments],
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    return done.stdout


def test_each_example_is_run_here() -> None:
    here = open(__file__).read()
    names = [path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".sh")]
    assert len(names) >= 6
    for name in names:
        assert f'"{name}"' in here, f"no test runs {name}"
        assert f"]({name})" in (EXAMPLES / "README.md").read_text(), f"README.md has no {name}"


def test_hello(shared_server: Server) -> None:
    assert run(shared_server, "hello.py", say({"text": "Hello to you."})) == "Hello to you.\n"
    events = run(shared_server, "hello.sh", say({"text": "Hello to \"you\"."}))
    kinds = [line.removeprefix("event: ") for line in events.splitlines() if line.startswith("event: ")]
    assert (kinds[0], kinds[-1]) == ("agent.session.created", "agent.session.idle")
    assert json.dumps('Hello to "you".') in events


def test_a_function_over_a_restart(server: Server) -> None:
    asked = run(server, "function_tool.py", say({"calls": [call("lookup", id=1)]}, {"text": "It is Ada."}))
    server.restart()
    arguments = asked.split()[2:]
    assert arguments[0] == "--resume"
    assert run(server, "function_tool.py", *arguments) == "It is Ada.\n"
    with server.client() as client:
        calls = [i for i in client.beta.agents.sessions.items.list(arguments[1]) if i.type == "function_call"]
        assert [item.status for item in calls] == ["completed"]


def test_the_operations_of_a_document(shared_server: Server, world: World) -> None:
    message = say({"calls": [call("look", note="example")]}, {"text": "It looks fine."})
    said = run(shared_server, "openapi_tool.py", f"{world.url}/openapi.json", message)
    assert said == "It looks fine.\n"


def test_a_stream_that_is_resumed(shared_server: Server) -> None:
    text = "One, two, three, four, five."
    message = say({"text": text, "pieces": 6, "piece_delay_ms": 30, "delay_ms": 100})
    assert run(shared_server, "resume_stream.py", message) == text + "\n"


def test_a_journal_is_proved_without_mainstay(shared_server: Server) -> None:
    run(shared_server, "hello.py", say({"text": "Ein Gruß, 你好, \u2028, \"…\"."}))
    with shared_server.client() as client:
        session = next(iter(client.beta.agents.sessions.list(limit=1))).id
    exported = shared_server.run("journal", "export", session)
    verified = shared_server.run("journal", "verify", session)
    said = run(shared_server, "verify_journal.py", given=exported)
    assert said.split()[-1] == verified.split()[-1]
