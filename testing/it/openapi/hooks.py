"""What Schemathesis has to be told about this API."""

from __future__ import annotations

import itertools
import re
from typing import Any

import schemathesis

COUNT = itertools.count(1)
FINE = re.compile(r"[\t -~]{1,255}")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Gives each request a key of its own: one that was used is refused for that, whatever the body."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and FINE.fullmatch(key):
        case.headers["Idempotency-Key"] = f"schemathesis-{next(COUNT)}"


@schemathesis.serializer("application/x-tar")
def archive(context: Any, value: Any) -> bytes:
    """Bytes as they are."""
    return value if isinstance(value, bytes) else str(value).encode()
