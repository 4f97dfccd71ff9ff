"""A log line as text."""

from __future__ import annotations

import json
from typing import Any

from spo.model.times import micro_stamp


def as_text(at: float, line: dict[str, Any]) -> str:
    """One JSON object, with the time first; `at`: seconds since 1970."""
    return json.dumps({"time": micro_stamp(at), **line}, ensure_ascii=False)
