"""pytest plugin: OpenAI's own SDK tests against a server of ours, one per worker.

The tests use literal ids (`"session_id"`) and expect the things to be there. Before each test this
makes what its file needs, through the import routes, which keep ids; ids that say where a thing is
are put into the requests (`stand_ins`). Cases that are known not to pass stand in
docs/compatibility.md, and must be answered as it says there.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import openai
import pytest

import journals
import known
import objects
import stand_ins
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
        self.close()
        shutil.rmtree(self.folder / "data")
        shutil.copytree(self.folder / FRESH, self.folder / "data")
        self.start()


class Suite:
    """What one worker has: its server, the model behind it, and what was brought in."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="openai-suite-")
        self.world = World()
        self.server = SuiteServer(Path(self.folder.name), self.world)
        self.things = objects.catalogue(journals.archives(self.server))
        self.server.afresh()
        self.there: set[objects.Thing] = set()
        self.replacing = stand_ins.Replacing()

    def prepare(self, file: str, test: str) -> None:
        self.bring_in(file)
        self.replacing.wanted(file, lambda one: one.find(self.server.url, self.server.key))
        if objects.uses_up(file, test):
            self.there.difference_update(self.things.get(file, []))

    def bring_in(self, file: str) -> None:
        wanted = self.things.get(file, [])
        if not all(self.is_there(thing) for thing in wanted):
            # A deleted thing's id stays taken.
            self.server.afresh()
            for thing in wanted:
                thing.bring_in(self.server.url, self.server.import_key)
            self.there = set(wanted)

    def is_there(self, thing: objects.Thing) -> bool:
        if thing in self.there:
            return True
        if thing.exists(self.server.url, self.server.key):
            # Whether it is what the tests need, or what one of them left.
            return False
        is_new = thing.is_brought_in(self.server.url, self.server.import_key)
        if is_new:
            self.there.add(thing)
        return is_new

    def stop(self) -> None:
        self.server.close()
        self.world.stop()
        self.folder.cleanup()


SUITE = pytest.StashKey[Suite]()
UNUSED = pytest.StashKey[list[str]]()


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
    report = getattr(config, "workeroutput", None)
    if report is None:
        config.stash[UNUSED] = unused
    else:
        report["unused"] = unused


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Every worker sees all cases, so that any of them can tell which rows name none."""
    node.config.stash[UNUSED] = getattr(node, "workeroutput", {}).get("unused", [])


def stale(config: pytest.Config) -> list[str]:
    """Rows that name no case; a selection of cases says nothing of them."""
    return [] if config.getoption("keyword") else config.stash.get(UNUSED, [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    if stale(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_runtest_setup(item: pytest.Item) -> None:
    suite = item.config.stash[SUITE]
    if known.needs_server(item.name):
        suite.prepare(known.file_of(item), item.name)
    if "respx2_mock" in getattr(item, "fixturenames", ()):
        # What a case mocks, it mocks by the literal.
        suite.replacing.ids = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    case = known.case_of(item)
    try:
        return (yield)
    except openai.APIStatusError as error:
        if case is None:
            raise
        known.compare(known.read()[case], error)


def pytest_report_header() -> list[str]:
    return [f"known not to pass: {len(known.read())} rows of {known.PAGE}"]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Says which known cases failed, so that nobody takes them for passed."""
    for case in stale(config):
        terminalreporter.write_line(f"error: {known.PAGE} names a case that is not there: {case}")
    failed = terminalreporter.stats.get("xfailed", [])
    reasons = sorted({report.wasxfail for report in failed})
    for reason in reasons:
        count = sum(report.wasxfail == reason for report in failed)
        terminalreporter.write_line(f"{count} known not to pass: {reason}")
