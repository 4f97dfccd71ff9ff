"""Many names in a sentence."""

from __future__ import annotations

from collections.abc import Sequence


def listed(names: Sequence[object], shown: int, number: str = "") -> str:
    """The first of them, and how many more there are: `a, b and 3 more`.

    `number` is that count's format: reports group its digits (","), messages in the API do not.
    """
    more = f" and {len(names) - shown:{number}} more" if len(names) > shown else ""
    return ", ".join(map(str, names[:shown])) + more
