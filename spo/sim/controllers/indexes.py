"""Sets of completion indexes, and as a Job's status writes them: `0-2,5`."""

from __future__ import annotations

from collections.abc import Iterable


def parse(text: str, below: int) -> frozenset[int]:
    """Indexes below `below`; what cannot be read is left out."""
    found: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.partition("-")
        if first.isdigit() and (last or first).isdigit():
            found.update(range(int(first), min(int(last or first) + 1, below)))
    return frozenset(found)


def written(indexes: Iterable[int]) -> str:
    """Runs of three and more are intervals."""
    runs: list[tuple[int, int]] = []
    for index in sorted(indexes):
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return ",".join(_run(first, last) for first, last in runs)


def _run(first: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first},{last}" if last == first + 1 else f"{first}-{last}"
