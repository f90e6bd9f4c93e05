"""The cases of the suite that are known not to pass: the table in docs/compatibility.md."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = "docs/compatibility.md"
BEGIN, END = "<!-- cases that do not pass -->", "<!-- end of cases -->"
ROW = re.compile(r"^\| `([^`]+)` \| (.+) \|$")
SUITE_FOLDER = "tests/api_resources/"


@cache
def read() -> dict[str, str]:
    """Reasons by case; `*` in a case stands for any text."""
    text = (ROOT / PAGE).read_text()
    table = text[text.index(BEGIN) : text.index(END)]
    rows = [ROW.match(line) for line in table.splitlines() if line.startswith("| `")]
    assert all(rows), f"{PAGE}: a row of the cases that do not pass is not `case` and reason"
    found = {row[1]: row[2] for row in rows if row}
    assert len(found) == len(rows), f"{PAGE}: a case stands twice among those that do not pass"
    return found


def file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0].removeprefix(SUITE_FOLDER)


def name_of(item: pytest.Item) -> str:
    """The case without its class, so that one row is about the sync and the async client."""
    return f"{file_of(item)}::{item.name}"


def needs_server(test: str) -> bool:
    """These check arguments before anything is sent."""
    return "path_params" not in test


def mark(items: list[pytest.Item]) -> list[str]:
    """Marks the known cases as failing; returns the rows that name none. The first row counts."""
    unused = set(read())
    for item in filter(lambda item: needs_server(item.name), items):
        name = name_of(item)
        without_client = name.partition("[")[0]
        for case, reason in read().items():
            if fnmatchcase(without_client, case) or name == case:
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
                unused.discard(case)
                break
    return sorted(unused)
