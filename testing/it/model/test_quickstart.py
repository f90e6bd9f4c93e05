"""The quickstart as a newcomer sees it: the model inside the binary, and the recording."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from conftest import environment, mainstay

MARK = "[replay]"


def quickstart(folder: Path, *arguments: str) -> str:
    command = [mainstay(), "quickstart", "--exit", "--data-dir", str(folder), *arguments]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shell(command: str, input: str | None = None) -> str:
    """Runs a line as it was printed, in a shell."""
    done = subprocess.run(
        ["bash", "-c", command], env=environment(), input=input, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def printed(said: str, beginning: str) -> str:
    [line] = [line for line in said.splitlines() if re.match(beginning, line)]
    return line


def talk(said: str) -> tuple[str, str, str]:
    """What the three closing lines answer, after the printed command has started the server again."""
    serve = subprocess.Popen(
        ["bash", "-c", "exec " + printed(said, r"\S*mainstay serve ")],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert serve.stdout is not None
    try:
        assert '"url"' in serve.stdout.readline()
        curl = shell(printed(said, "curl "))
        python = shell(printed(said, "python3 "))
        chat = shell(printed(said, r"\S*mainstay chat "), input="Thank you.\n")
    finally:
        serve.terminate()
        serve.wait()
        serve.stdout.close()
    return curl, python, chat


def assert_promises(said: str) -> None:
    for promise in (
        "✓ hash chain verified",
        "✓ no input lost",
        "✓ no finished step repeated",
        "✓ the effect is there exactly once",
        "✓ no gap and no duplicate",
    ):
        assert promise in said, said
    assert "✗" not in said, said


def test_the_model_in_the_binary_does_the_task_over_a_kill(tmp_path: Path) -> None:
    said = quickstart(tmp_path)
    assert_promises(said)
    assert "✓ the right reminder: INV-3017 to accounts@thornbury.example over 492 EUR" in said
    assert MARK not in said
    curl, python, chat = talk(said)
    # Customer C-07 as the shipped data has it.
    name = "Granite Climbing Gym"
    assert name in curl and name in python, (curl, python)
    assert chat.strip()


def test_the_recording_says_so_in_every_line(tmp_path: Path) -> None:
    said = quickstart(tmp_path, "--replay")
    assert_promises(said)
    assert [line for line in said.splitlines() if MARK not in line] == []
    for answer in talk(said):
        assert "recorded session without a model" in answer
