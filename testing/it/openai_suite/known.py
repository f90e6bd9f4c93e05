"""The cases of the suite that are known not to pass: the table in docs/compatibility.md.

Invariant: a row says what the server answers, and a case that is answered otherwise fails the run.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import NamedTuple, NoReturn

import openai
import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = "docs/compatibility.md"
BEGIN, END = "<!-- cases that do not pass -->", "<!-- end of cases -->"
ROW = re.compile(r"^\| `([^`]+)` \| `(\d{3} [^`]+)` \| (.+) \|$")
SUITE_FOLDER = "tests/api_resources/"


class Known(NamedTuple):
    """What the server answers a case that does not pass, and why."""

    answer: str
    reason: str


class AsListed(Exception):
    """A known case failed in the way that its row says."""


@cache
def read() -> dict[str, Known]:
    """Rows by case; `*` in a case stands for any text."""
    text = (ROOT / PAGE).read_text()
    table = text[text.index(BEGIN) : text.index(END)]
    rows = [ROW.match(line) for line in table.splitlines() if line.startswith("| `")]
    assert all(rows), f"{PAGE}: a row of the cases that do not pass is not `case`, `answer` and reason"
    found = {row[1]: Known(row[2], row[3]) for row in rows if row}
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


def case_of(item: pytest.Item) -> str | None:
    """The row of a case, if it is known not to pass. The first row counts."""
    if not needs_server(item.name):
        return None
    name = name_of(item)
    without_client = name.partition("[")[0]
    return next((case for case in read() if fnmatchcase(without_client, case) or name == case), None)


def answer_of(error: openai.APIStatusError) -> str:
    """Status, code and parameter of a refusal, as a row has them."""
    return " ".join([str(error.status_code), str(error.code), *([error.param] if error.param else [])])


def compare(known: Known, error: openai.APIStatusError) -> NoReturn:
    """Raises what is expected, or says how the row is wrong."""
    answer = answer_of(error)
    if answer == known.answer:
        raise AsListed(answer) from error
    message = f"{PAGE} says that this is answered `{known.answer}`, and it is `{answer}`: {error}"
    raise AssertionError(message) from error


def mark(items: list[pytest.Item]) -> list[str]:
    """Marks the known cases as failing; returns the rows that name none."""
    unused = set(read())
    for item in items:
        case = case_of(item)
        if case is not None:
            reason = read()[case].reason
            item.add_marker(pytest.mark.xfail(reason=reason, raises=AsListed, strict=True))
            unused.discard(case)
    return sorted(unused)
