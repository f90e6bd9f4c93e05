"""What `mainstay doctor --json` tells scripts of drivers, images and kernels."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from conftest import images, mainstay


def doctor(folder: Path, code: int, *arguments: str, **settings: str) -> dict[str, Any]:
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder), **settings}
    command = [mainstay(), "doctor", "--json", "--data-dir", str(folder / "data"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)["compute"]


def test_each_driver_that_does_not_work_says_why_and_what_to_do(tmp_path: Path) -> None:
    own = {"MAINSTAY_COMPUTE__IMAGES": str(images())}
    told = doctor(tmp_path, 0, **own)
    assert [driver["works"] for driver in told["drivers"]] == [True, True] and told["chosen"] == "microvm"
    kernel = told["image"]["kernel"]
    assert kernel["kind"] in ("minimal", "cloud") and kernel["version"]
    assert ("instead_because" in kernel) == (kernel["kind"] == "cloud")
    # Without the image there is no kernel to try, and the process tier has nothing to run.
    empty = {"MAINSTAY_COMPUTE__IMAGES": str(tmp_path / "none")}
    told = doctor(tmp_path, 1, "--require", "process", **empty)
    assert told["chosen"] is None and not told["image"]["is_present"] and "kernel" not in told["image"]
    assert "cargo xtask image" in told["image"]["reason"]
    (microvm,) = [driver for driver in told["drivers"] if driver["tier"] == "microvm"]
    assert not microvm["works"] and microvm["reason"] and "cargo xtask image" in microvm["remedy"]
    # A program that is not there is named, with how to get it.
    gone = doctor(tmp_path, 1, "--require", "microvm", PATH="/nowhere", **own)
    for driver in gone["drivers"]:
        assert driver["works"] or (driver["reason"] and "install" in driver["remedy"]), driver
    assert not any(driver["works"] for driver in gone["drivers"] if driver["tier"] == "microvm"), gone
    assert gone["chosen"] != "microvm"
