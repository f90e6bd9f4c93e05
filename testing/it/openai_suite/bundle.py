"""Session bundles (docs/spec/session-bundle.md) made of a session's journal, under other ids."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import Any

NO_HASH = "0" * 64
Entry = dict[str, Any]


def canonical(value: Any) -> str:
    """RFC 8785, for what journals hold: text keys in ASCII, and no fractions."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def renamed(journal: str, names: dict[str, str]) -> list[Entry]:
    """A journal with other ids, sealed again."""
    for old, new in names.items():
        journal = journal.replace(f'"{old}"', f'"{new}"')
    entries = [json.loads(line) for line in journal.splitlines() if line]
    before = NO_HASH
    for entry in entries:
        entry["prev_hash"] = before
        sealed = {key: value for key, value in entry.items() if key not in ("hash", "prev_hash")}
        hashed = bytes.fromhex(before) + canonical(sealed).encode()
        before = entry["hash"] = hashlib.sha256(hashed).hexdigest()
    return entries


def bundle(entries: list[Entry]) -> bytes:
    """The archive, unsigned."""
    journal = "".join(canonical(entry) + "\n" for entry in entries).encode()
    agent = entries[0]["payload"]["agent"]
    manifest = {
        "format": "mainstay.session-bundle",
        "version": 1,
        "session": entries[0]["journal"],
        "agent": {"id": agent["id"], "revision": agent["revision"]},
        "head": {"seq": entries[-1]["seq"], "hash": entries[-1]["hash"]},
        "exported_at_ms": entries[-1]["at"],
        "files": {"journal.jsonl": hashlib.sha256(journal).hexdigest()},
    }
    files = {"manifest.json": canonical(manifest).encode(), "journal.jsonl": journal}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return packed.getvalue()
