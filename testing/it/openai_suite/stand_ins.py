"""Ids that cannot be brought in, because the server makes them of where a thing is: items, artifacts,
environments, pages. The suite's literal is replaced by the real one where a request names it.

Invariant: only ids are replaced, in paths and cursors; what a case sends besides stays as it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Callable

import openai

from objects import ENVIRONMENT, ask

MACHINE = ENVIRONMENT.removeprefix("env_")
CURSORS = ("after", "page")


@dataclass(frozen=True)
class StandIn:
    """What stands for a literal: the first of a list, or the list's own `next`."""

    literal: str
    path: str
    is_page: bool = False

    def find(self, url: str, key: str) -> str:
        status, answer = ask("GET", url + self.path, key)
        assert status == 200, f"{self.path}: {status} {answer}"
        listed = json.loads(answer)
        return listed["next"] if self.is_page else listed["data"][0]["id"]


SESSION = "/agents/sessions/session_id"
SUBAGENT = f"{SESSION}/subagents/subagent_id"
FILES = f"/agents/environments/{ENVIRONMENT}/files?path=path&limit=1"
BY_FILE = {
    "beta/agents/sessions/test_items.py": [StandIn("after", f"{SESSION}/items")],
    "beta/agents/sessions/turns/test_items.py": [
        StandIn("after", f"{SESSION}/turns/turn_id/items"),
    ],
    "beta/agents/sessions/subagents/test_items.py": [StandIn("after", f"{SUBAGENT}/items")],
    "beta/agents/sessions/subagents/turns/test_items.py": [
        StandIn("after", f"{SUBAGENT}/turns/turn_id/items"),
    ],
    "beta/agents/sessions/test_artifacts.py": [StandIn("artifact_id", f"{SESSION}/artifacts")],
    "beta/agents/test_environments.py": [
        StandIn("environment_id", "/agents/environments"),
        StandIn("after", "/agents/environments"),
    ],
    "beta/agents/environments/test_files.py": [
        StandIn("environment_id", "/agents/environments"),
        StandIn("page", FILES, is_page=True),
    ],
    "conversations/test_items.py": [StandIn("msg_abc", "/conversations/conv_123/items")],
}


class Replacing:
    """Puts the real ids into what the SDK's clients send, by the hook that they have for it."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        of_sync, of_async = openai.OpenAI._prepare_request, openai.AsyncOpenAI._prepare_request

        def prepare(client: Any, request: Any) -> None:
            of_sync(client, request)
            self.replace(request)

        async def prepare_async(client: Any, request: Any) -> None:
            await of_async(client, request)
            self.replace(request)

        setattr(openai.OpenAI, "_prepare_request", prepare)
        setattr(openai.AsyncOpenAI, "_prepare_request", prepare_async)

    def wanted(self, file: str, find: Callable[[StandIn], str]) -> None:
        """From now on, what this file names."""
        self.ids = {one.literal: find(one) for one in BY_FILE.get(file, [])}

    def replace(self, request: Any) -> None:
        if not self.ids:
            return
        parts = [self.ids.get(part, part) for part in request.url.path.split("/")]
        asked = request.url.params.multi_items()
        params = [(name, self.ids.get(value, value) if name in CURSORS else value) for name, value in asked]
        request.url = request.url.copy_with(path="/".join(parts), params=params)
