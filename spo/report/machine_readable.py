"""Facts for machines: as JSON or YAML, with the names that docs/output.md lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def written(facts: Mapping[str, Any], form: str) -> str:
    """`form` is json or yaml."""
    if form == "json":
        import msgspec

        return msgspec.json.format(msgspec.json.encode(facts), indent=2).decode()
    import yaml

    return yaml.safe_dump(dict(facts), sort_keys=False, allow_unicode=True, width=1000).rstrip()
