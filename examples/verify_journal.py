"""Proves an exported journal's hash chain, without Mainstay.

Usage: mainstay journal export SESSION | python verify_journal.py
"""

import hashlib
import json
import sys

def text(value):
    return json.dumps(value, ensure_ascii=False)


seq, head = 0, "0" * 64
for line in sys.stdin:
    entry = json.loads(line)
    claimed, previous = entry["hash"], entry["prev_hash"]
    # The payload is the last member, and canonical as it stands.
    payload = line[line.index('"payload":') + len('"payload":') : line.rindex("}")]
    before = "".join(f'"{name}":{text(entry[name])},' for name in ("at", "journal", "kind"))
    behind = "".join(f',"{name}":{text(entry[name])}' for name in ("principal", "seq", "trace", "version"))
    canonical = f'{{{before}"payload":{payload}{behind}}}'
    computed = hashlib.sha256(bytes.fromhex(previous) + canonical.encode()).hexdigest()
    if entry["seq"] != seq + 1 or previous != head or computed != claimed:
        sys.exit(f"entry {entry['seq']} does not follow from entry {seq}")
    seq, head = entry["seq"], claimed
print(f"{seq} entries, head {head}")
