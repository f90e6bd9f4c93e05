"""The real binary with the model inside it.

`MAINSTAY_BIN` names a binary that was built with the feature `embedded-model`. The model's file is
where `mainstay model pull` puts it: a test fails, and is not left out, when it is not there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest

from openai import OpenAI

MODEL = "embedded/qwen2.5-coder-1.5b-instruct"

# Whatever is configured here must not answer in the model's place.
FOREIGN = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")


def mainstay() -> str:
    return os.environ["MAINSTAY_BIN"]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in FOREIGN}


class Server:
    """A server with the embedded model as its only one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        arguments = ["serve", "--data-dir", str(folder / "data"), "--listen", "127.0.0.1:0"]
        with open(folder / "server.log", "a") as log:
            self.process = subprocess.Popen(
                [mainstay(), *arguments], env=environment(), stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (folder / "server.log").read_text()
        self.url: str = json.loads(line)["url"] + "/v1"

    def client(self) -> OpenAI:
        key = (self.folder / "data" / "key").read_text().strip()
        return OpenAI(base_url=self.url, api_key=key, max_retries=0)

    def run(self, *arguments: str) -> str:
        command = [mainstay(), *arguments, "--data-dir", str(self.folder / "data")]
        return subprocess.run(command, env=environment(), check=True, capture_output=True, text=True).stdout

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("model"))
    yield server
    server.stop()


@pytest.fixture
def client(server: Server) -> Iterator[OpenAI]:
    with server.client() as client:
        yield client


def function(name: str, description: str, /, **properties: Any) -> dict[str, Any]:
    """A tool that the client executes; all its arguments are required."""
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "name": name, "description": description, "parameters": parameters}
