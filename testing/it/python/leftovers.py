"""What machines hold on their host: processes, mounts, loop devices, control groups."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

#: Where control groups of machines are, for both versions and for a host that gives servers a place below.
GROUPS = ("mainstay/*", "*/mainstay/*", "*/*/*/mainstay/*")


def groups() -> set[str]:
    """The control groups that are there."""
    root = Path("/sys/fs/cgroup")
    return {str(path) for pattern in GROUPS for path in root.glob(pattern) if path.is_dir()}


def held(folder: Path) -> list[str]:
    """What is held below a folder."""
    name = os.fsencode(folder)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):  # It ended meanwhile, or is the kernel's own.
            if any(name in (process / told).read_bytes() for told in ("cmdline", "environ", "mountinfo")):
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append(f"process {process.name}: {line[:200]}")
    for device in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):  # It was detached meanwhile.
            if device.read_text().startswith(str(folder)):
                found.append(f"{device.parents[1].name} shows {device.read_text().strip()}")
    return found
