"""pytest plugin: OpenAI's own SDK tests against a server of ours, one per worker.

The tests use literal ids (`"session_id"`) and expect the things to be there. Before each test this
makes what its file needs, through the import routes, which keep ids. Cases that are known not to
pass stand in docs/compatibility.md, and must fail.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

import known
import objects
from conftest import Server, World

FRESH = "fresh"


class SuiteServer(Server):
    """A server whose data folder can be put back to what it was before the first test."""

    def __init__(self, folder: Path, world: World) -> None:
        super().__init__(folder, world)
        scopes = ("--scope", "use", "--scope", "import")
        self.import_key = self.run("keys", "create", "--name", "import", *scopes).strip()
        self.kill()
        shutil.copytree(folder / "data", folder / FRESH)
        self.start()

    def afresh(self) -> None:
        self.kill()
        shutil.rmtree(self.folder / "data")
        shutil.copytree(self.folder / FRESH, self.folder / "data")
        self.start()


class Suite:
    """What one worker has: its server, the model behind it, and what was imported."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="openai-suite-")
        self.world = World()
        self.server = SuiteServer(Path(self.folder.name), self.world)
        self.there: set[objects.Thing] = set()

    def prepare(self, file: str, test: str) -> None:
        wanted = objects.needed(file, test)
        if not all(self.is_there(thing) for thing in wanted):
            # A deleted thing's id stays taken.
            self.server.afresh()
            self.there.clear()
            for thing in wanted:
                thing.bring_in(self.server.url, self.server.import_key)
        self.there.update(wanted)
        if objects.uses_up(test):
            self.there.clear()

    def is_there(self, thing: objects.Thing) -> bool:
        if thing in self.there or thing.exists(self.server.url, self.server.key):
            return True
        return thing.is_brought_in(self.server.url, self.server.import_key)

    def stop(self) -> None:
        self.server.kill()
        self.world.stop()
        self.folder.cleanup()


SUITE = pytest.StashKey[Suite]()


def pytest_configure(config: pytest.Config) -> None:
    is_controller = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    if is_controller:
        return
    suite = Suite()
    config.stash[SUITE] = suite
    config.add_cleanup(suite.stop)
    # For what the suite mocks: its test modules read it when they are collected.
    os.environ["TEST_API_BASE_URL"] = suite.server.url


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # What the suite has written down of the mock server that it is usually run against.
    settings = sys.modules["tests.conftest"]
    server = config.stash[SUITE].server
    settings.base_url, settings.api_key = server.url, server.key
    unused = known.mark(items)
    if unused and not config.getoption("keyword"):
        named = ", ".join(unused)
        raise pytest.UsageError(f"{known.PAGE} names cases that are not there: {named}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if known.needs_server(item.name):
        item.config.stash[SUITE].prepare(known.file_of(item), item.name)


def pytest_report_header() -> list[str]:
    return [f"known not to pass: {len(known.read())} rows of {known.PAGE}"]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Says which known cases failed, so that nobody takes them for passed."""
    failed = terminalreporter.stats.get("xfailed", [])
    reasons = sorted({report.wasxfail for report in failed})
    for reason in reasons:
        count = sum(report.wasxfail == reason for report in failed)
        terminalreporter.write_line(f"{count} known not to pass: {reason}")
