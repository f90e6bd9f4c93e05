"""Schemathesis over the document that the server gives out, against the real binary.

The document is made from the code, so this looks for requests that the code takes and should not,
for answers that are not what their types say, and for refusals that nobody expects. A run is made of
parts that work side by side; what it found is told operation by operation.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Iterator

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE.parent / "python"))

from conftest import Server, World  # noqa: E402

DOCUMENT = json.loads((ROOT / "docs/openapi.json").read_text())
LEFT_OUT = tomllib.loads((HERE / "left_out.toml").read_text())
SCOPES = ("--scope", "use", "--scope", "admin", "--scope", "import")
# Operations are dealt out to so many runs at once.
PARTS = 2
RUN_TIMEOUT_SECONDS = 300

OPERATIONS = {
    operation["operationId"]: f"{method.upper()} {path}"
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
NOT_CALLED = {entry["id"]: entry["reason"] for entry in LEFT_OUT.get("operation", [])}
KNOWN = {
    (entry["operation"], entry["title"]): entry["reason"] for entry in LEFT_OUT.get("complaint", [])
}


def command(server: Server, key: str, operations: list[str], report: Path) -> list[str]:
    """One run over some of the operations."""
    chosen = [part for name in operations for part in ("--include-operation-id", name)]
    return [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")),
        *("run", f"{server.url}/openapi.json", "--url", server.url.removesuffix("/v1")),
        *("--header", f"Authorization: Bearer {key}"),
        *("--report", "json", "--report-json-path", str(report), "--no-color", *chosen),
    ]


class Found:
    """What all runs together complained of."""

    def __init__(self, outputs: list[str], reports: list[dict[str, Any]]) -> None:
        self.output = "\n".join(outputs)
        self.reports = reports
        self.complaints = {
            (name, failure["title"])
            for report in reports
            for failure in report["failures"]
            for name, place in OPERATIONS.items()
            if place in failure["operations"]
        }


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    world = World()
    server = Server(tmp_path_factory.mktemp("openapi"), world)
    key = server.run("keys", "create", "--name", "schemathesis", *SCOPES).strip()
    called = [name for name in OPERATIONS if name not in NOT_CALLED]
    reports = [server.folder / f"report-{part}.json" for part in range(PARTS)]
    runs = [
        subprocess.Popen(
            command(server, key, called[part::PARTS], report),
            cwd=server.folder,
            env={**os.environ, "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for part, report in enumerate(reports)
    ]
    try:
        outputs = [run.communicate(timeout=RUN_TIMEOUT_SECONDS)[0] for run in runs]
        missing = [output for output, path in zip(outputs, reports) if not path.is_file()]
        assert not missing, "Schemathesis did not get to its end:\n" + "\n".join(missing)
        yield Found(outputs, [json.loads(report.read_text()) for report in reports])
    finally:
        for run in runs:
            run.kill()
        server.kill()
        world.stop()


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name not in NOT_CALLED])
def test_operation(operation: str, found: Found) -> None:
    titles = {title for name, title in found.complaints if name == operation}
    unknown = sorted(title for title in titles if (operation, title) not in KNOWN)
    assert not unknown, f"{operation}: {unknown}\n{section(operation, found.output)}"


def section(operation: str, output: str) -> str:
    """What a run printed of an operation."""
    head = f" {OPERATIONS[operation]} "
    lines = output.splitlines()
    starts = [at for at, line in enumerate(lines) if line.startswith("___") and head in line]
    ends = [at for at, line in enumerate(lines) if line.startswith(("___", "==="))]
    parts = [lines[at : min((end for end in ends if end > at), default=None)] for at in starts]
    return "\n".join(line for part in parts for line in part)


def test_everything_was_called(found: Found) -> None:
    """No run stopped early or met what it could not generate."""
    for report in found.reports:
        assert report["stop_reason"] == "completed" and not report["errors"], found.output
    tested = sum(report["operations"]["tested"] for report in found.reports)
    assert tested == len(OPERATIONS) - len(NOT_CALLED)


def test_what_is_left_out_is_still_there(found: Found) -> None:
    gone = sorted(name for name in NOT_CALLED if name not in OPERATIONS)
    assert not gone, f"left_out.toml names operations that do not exist: {gone}"
    stale = sorted(complaint for complaint in KNOWN if complaint not in found.complaints)
    assert not stale, f"left_out.toml excuses what is not complained of any more: {stale}"
    assert all(reason.strip() for reason in [*NOT_CALLED.values(), *KNOWN.values()])
